"""Labels pairs with an LLM, which is asked about each pair in both orders. A pair is kept if the two answers agree."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from dqo_verl.classifier.question import render, similar
from dqo_verl.classifier.traces import Traces
from dqo_verl.errors import UserError
from dqo_verl.evaluation.endpoint import client
from dqo_verl.jsonl import whole_lines
from dqo_verl.results import appended, written

# Maximum number of attempts until an answer contains a verdict.
ATTEMPTS = 3
SECONDS_TO_ANSWER = 10


def label(pairs: Sequence[Traces], out: Path, model: str, endpoint: str, concurrency: int) -> dict[str, int]:
    """Write the agreed pairs to `out` as training data for the classifier; returns the number of pairs per outcome.

    Every answer is saved immediately in `OUT.answers.jsonl`: the same command later asks only for what is missing.
    """
    import openai

    if concurrency < 1:
        raise UserError(f"--concurrency {concurrency}: at least 1 is needed")
    cache = out.with_suffix(".answers.jsonl")
    out.parent.mkdir(parents=True, exist_ok=True)
    questions = [(render(p.prompt, p.a, p.b), render(p.prompt, p.b, p.a)) for p in pairs]
    known: dict[str, int] = dict(json.loads(line) for line in whole_lines(cache))
    todo = dict.fromkeys(text for both in questions for text in both if key_of(model, text) not in known)
    refused: set[str] = set()
    if todo:
        api = reachable(model, endpoint)
        pool = ThreadPoolExecutor(concurrency)
        asked = {pool.submit(ask, api, model, text): text for text in todo}
        try:
            with appended(cache) as file:
                for future in tqdm(as_completed(asked), total=len(asked), desc="label", unit="answer", disable=None):
                    key = key_of(model, asked[future])
                    try:
                        verdict = future.result()
                    except openai.BadRequestError:
                        # Most likely the text is longer than the judge's context.
                        refused.add(key)
                        continue
                    if verdict is not None:
                        known[key] = verdict
                        file.write(json.dumps([key, verdict]) + "\n")
                        file.flush()
        except openai.OpenAIError as error:
            left = sum(key_of(model, text) not in known for text in todo)
            raise UserError(
                f"{endpoint}: {type(error).__name__}: {str(error)[:300]}. {left} of {2 * len(pairs)} answers are "
                f"missing, the others are saved in {cache}. Run the same command again to continue."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
    return write(pairs, questions, known, refused, out, model)


def write(
    pairs: Sequence[Traces],
    questions: Sequence[tuple[str, str]],
    known: dict[str, int],
    refused: set[str],
    out: Path,
    model: str,
) -> dict[str, int]:
    counts: Counter[str] = Counter(dict.fromkeys(("different", "similar", "disagreed", "no verdict", "refused"), 0))
    lines = []
    for pair, both in zip(pairs, questions, strict=True):
        keys = [key_of(model, text) for text in both]
        verdicts = {known.get(key) for key in keys}
        if refused & set(keys):
            counts["refused"] += 1
        elif None in verdicts:
            counts["no verdict"] += 1
        elif len(verdicts) == 2:
            counts["disagreed"] += 1
        else:
            (verdict,) = verdicts
            counts["similar" if verdict else "different"] += 1
            row = {"prompt": pair.prompt, "generation_0": pair.a, "generation_1": pair.b, "similar": verdict}
            lines.append(json.dumps(row | {"labeler": model}, ensure_ascii=False) + "\n")
    if not lines:
        raise UserError(f"{model} labelled none of {len(pairs)} pairs ({dict(counts)}). Is it able to judge solutions?")
    with written(out) as file:
        file.writelines(lines)
    return dict(counts)


def key_of(model: str, text: str) -> str:
    return hashlib.sha256(f"{model}\n{text}".encode()).hexdigest()


def ask(api: Any, model: str, text: str) -> int | None:
    """Ask for a verdict: 1 similar, 0 different, None if the judge gives none. Only the first attempt is at temperature 0."""
    for attempt in range(ATTEMPTS):
        message = {"role": "user", "content": text}
        reply = api.chat.completions.create(model=model, messages=[message], temperature=float(attempt > 0))
        verdict = similar(reply.choices[0].message.content or "")
        if verdict is not None:
            return verdict
    return None


def reachable(model: str, endpoint: str) -> Any:
    """The client of an endpoint. A `UserError` says if the endpoint does not answer or does not serve the model."""
    import openai

    api = client(endpoint)
    try:
        served = [one.id for one in api.with_options(timeout=SECONDS_TO_ANSWER, max_retries=1).models.list()]
    except (openai.OpenAIError, AttributeError) as error:
        # The client raises AttributeError where the answer is a web page.
        raise UserError(
            f"--endpoint {endpoint} does not answer ({type(error).__name__}: {str(error)[:200]}). "
            "It must be an OpenAI-compatible server: http://host:port/v1"
        ) from error
    if model not in served:
        raise UserError(f"--model {model} is not served at {endpoint}; it serves {', '.join(served) or 'no model'}")
    return api
