"""Diversity judged by a model behind an OpenAI-compatible endpoint. The DQO paper's prompt is unknown; this is ours."""

import hashlib
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from dqo_verl.errors import UserError
from dqo_verl.evaluation.endpoint import asking, client
from dqo_verl.jsonl import whole_lines
from dqo_verl.results import appended

ATTEMPTS = 3
PROMPT = """\
Below are {k} responses to the same request. Rate how different they are from each other in substance: in their ideas, \
their approach, their facts and their conclusions. Different wording of the same content is not a difference. How good \
the responses are does not matter.

0 means that all of them say the same thing, 10 means that no two of them share their content.

<request>
{prompt}
</request>

{responses}

Answer with one JSON object and nothing else: {{"diversity": <number from 0 to 10>}}"""


def render(prompt: str, responses: Sequence[str]) -> str:
    """The text that the judge sees."""
    numbered = "\n\n".join(f'<response number="{i}">\n{text}\n</response>' for i, text in enumerate(responses, start=1))
    return PROMPT.format(k=len(responses), prompt=prompt, responses=numbered)


def parse(answer: str) -> float:
    """The last `{"diversity": x}` of the answer, scaled to 0..1."""
    found = re.findall(r'"diversity"\s*:\s*(-?\d+(?:\.\d+)?)', answer)
    if not found or not 0 <= float(found[-1]) <= 10:
        raise UserError(f'no {{"diversity": 0..10}} in the judge\'s answer: {answer[:200]!r}. Choose another --judge')
    return float(found[-1]) / 10


def _ask(api: Any, model: str, text: str) -> float:
    for attempt in range(ATTEMPTS):
        reply = api.chat.completions.create(
            model=model, messages=[{"role": "user", "content": text}], temperature=0.0 if attempt == 0 else 1.0
        )
        try:
            return parse(reply.choices[0].message.content or "")
        except UserError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def judge(
    groups: Sequence[tuple[str, Sequence[str]]], model: str, endpoint: str | None, cache: Path, concurrency: int = 8
) -> list[float]:
    """One number in 0..1 for each (prompt, responses); answers are saved in `cache`, so an interrupted run resumes."""
    texts = [render(prompt, responses) for prompt, responses in groups]
    keys = [hashlib.sha256(f"{model}\n{text}".encode()).hexdigest() for text in texts]
    known: dict[str, float] = dict(json.loads(line) for line in whole_lines(cache))
    todo = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if todo:
        api = client(endpoint)
        pool = ThreadPoolExecutor(concurrency)
        asked = {pool.submit(_ask, api, model, text): key for key, text in todo.items()}
        try:
            with asking(endpoint), appended(cache) as file:
                for future in tqdm(as_completed(asked), total=len(asked), desc="judge", unit="prompt"):
                    key, value = asked[future], future.result()
                    known[key] = value
                    file.write(json.dumps([key, value]) + "\n")
                    file.flush()
        finally:
            pool.shutdown(cancel_futures=True)
    return [known[key] for key in keys]
