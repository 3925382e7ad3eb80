"""The data sets: where each comes from, which rows are kept, and how the policy is prompted.

A converter turns a row of the source into an `Example`, or into the reason (a text) why the row is left out.
Where the papers state no prompt, filter or size, `ours` says what we chose.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dqo_verl.data.schema import text, wrong
from dqo_verl.errors import UserError
from dqo_verl.rewards.math import grader

Raw = Mapping[str, Any]


class Example(NamedTuple):
    prompt: str
    # The ground truth for a rule, otherwise a reference answer.
    answer: str
    id: str = ""


@dataclass(frozen=True, kw_only=True)
class Source:
    # The data set on the Hugging Face hub, or None if `rows` holds it.
    hub: str | None
    config: str | None = None
    # The split of the source that each file is made from.
    splits: Mapping[str, str]
    # The licence that the data set's own page states.
    licence: str
    convert: Callable[[Raw], Example | str]
    ability: str
    # Where the reward comes from: `rule` or `model`.
    style: str
    # The `data_source` that verl sees; None: our name of the data set.
    data_source: str | None = None
    rows: Mapping[str, list[dict[str, Any]]] | None = None
    # How many rows are drawn at random from those that pass the filters; None: all.
    size: int | None = None
    # How many rows are drawn at random from train for the test file.
    held_out: int = 0
    # Whether repeated prompts are left out.
    unique: bool = False
    ours: str = ""


# The instruction of verl's own GSM8K data.
GSM8K_INSTRUCTION = 'Let\'s think step by step and output the final answer after "####".'
BOXED_INSTRUCTION = "Please reason step by step, and put your final answer within \\boxed{}."
FIGURE = re.compile(
    r"\b(figures?|diagrams?|pictures?|pictured|as shown|shown (?:below|above|here|in)|graph (?:below|above|shown))\b",
    re.I,
)
WILDCHAT_CHARACTERS = 1500
SECONDS_TO_JUDGE = 10.0
CITY = "Recommend one city to visit. Answer with the name of the city and one sentence about it."


def dolly(raw: Raw) -> Example:
    context = raw.get("context") or ""
    prompt = text(raw, "instruction") + (f"\n\n{context}" if context.strip() else "")
    return Example(prompt, text(raw, "response"))


def cnn_dailymail(raw: Raw) -> Example:
    prompt = f"Summarize the following article in a few sentences.\n\n{text(raw, 'article')}"
    return Example(prompt, text(raw, "highlights"), str(raw.get("id", "")))


def common_gen(raw: Raw) -> Example:
    concepts = raw.get("concepts")
    if not isinstance(concepts, list) or not concepts or not all(isinstance(c, str) and c for c in concepts):
        raise wrong("concepts", "a list of words", concepts)
    prompt = f"Write a short story that contains all of these words: {', '.join(concepts)}."
    return Example(prompt, raw.get("target") or "", str(raw.get("concept_set_idx", "")))


def gsm8k(raw: Raw) -> Example:
    solution = text(raw, "answer")
    found = re.search(r"####\s*(-?[0-9.,]+)\s*$", solution)
    if not found:
        raise wrong("answer", "a solution that ends in '#### number'", solution)
    return Example(f"{text(raw, 'question')} {GSM8K_INSTRUCTION}", found[1].replace(",", ""))


def wildchat(raw: Raw) -> Example | str:
    turns = raw.get("conversation")
    if not isinstance(turns, list) or not turns or not isinstance(turns[0], dict) or "content" not in turns[0]:
        raise wrong("conversation", "a list of turns with role and content", turns)
    first = turns[0]
    prompt = first["content"] or ""
    if raw.get("language") != "English" or first.get("language", "English") != "English":
        return "not English"
    if raw.get("toxic") or first.get("toxic"):
        return "marked as toxic"
    if raw.get("redacted") or first.get("redacted"):
        return "personal data was redacted"
    if first.get("role") != "user" or not prompt.strip():
        return "does not begin with text from the user"
    if len(prompt) > WILDCHAT_CHARACTERS:
        return f"longer than {WILDCHAT_CHARACTERS} characters"
    return Example(prompt, "", str(raw.get("conversation_hash") or raw.get("conversation_id") or ""))


def novelty_bench(raw: Raw) -> Example:
    return Example(text(raw, "prompt"), "", str(raw.get("id", "")))


def mathematics(raw: Raw) -> Example | str:
    """Competition sets, whose columns are `problem` or `question`, and `answer` (text or number) or `final_answer` (list)."""
    problem = text(raw, "problem" if "problem" in raw else "question")
    answers = raw["final_answer"] if "final_answer" in raw else [raw.get("answer")]
    if not isinstance(answers, list) or not all(isinstance(a, str | int) for a in answers):
        raise wrong("final_answer" if "final_answer" in raw else "answer", "an answer as text or whole number", answers)
    answer = ",".join(str(a) for a in answers).replace("$", "").strip()
    if not answer:
        return "no answer"
    if not _rewardable(answer):
        return "math-verify does not find its answer equal to itself"
    number = next((raw[key] for key in ("problem_idx", "id") if key in raw), "")
    return Example(f"{problem}\n{BOXED_INSTRUCTION}", answer, str(number))


def _rewardable(answer: str) -> bool:
    """Whether the reward can ever be 1. verl silently drops the responses to a row whose reward function raises."""
    try:
        return bool(grader(answer, f"\\boxed{{{answer}}}", SECONDS_TO_JUDGE))
    except ValueError:
        # math-verify cannot parse the answer.
        return False


def deepscaler(raw: Raw) -> Example | str:
    example = mathematics(raw)
    if isinstance(example, Example) and FIGURE.search(example.prompt) and "[asy]" not in example.prompt:
        return "mentions a figure that is missing"
    return example


def city(raw: Raw) -> Example:
    return Example(text(raw, "prompt"), "")


def _competition(hub: str, licence: str, config: str | None = None, ours: str = "") -> Source:
    return Source(
        hub=hub,
        config=config,
        splits={"test": "train"},
        licence=licence,
        convert=mathematics,
        ability="math",
        style="rule",
        ours=ours or "hub id; the instruction to box the answer is that of the paper's harness (qwen-boxed)",
    )


SOURCES: dict[str, Source] = {
    "dolly": Source(
        hub="databricks/databricks-dolly-15k",
        splits={"train": "train", "test": "train"},
        held_out=500,
        licence="CC-BY-SA-3.0",
        convert=dolly,
        ability="instruction following",
        style="model",
        ours="hub id, prompt (context after the instruction), 500 rows held out: no source states them",
    ),
    "cnn_dailymail": Source(
        hub="abisee/cnn_dailymail",
        config="3.0.0",
        splits={"train": "train", "test": "test"},
        licence="Apache-2.0",
        convert=cnn_dailymail,
        ability="summarization",
        style="model",
        ours="hub id, version 3.0.0, prompt, all rows: no source states them",
    ),
    "common_gen": Source(
        hub="allenai/common_gen",
        splits={"train": "train", "test": "validation"},
        licence="MIT",
        convert=common_gen,
        ability="story generation",
        style="model",
        unique=True,
        ours="hub id, prompt, each set of words once; validation split as test: the test split has no references",
    ),
    "gsm8k": Source(
        hub="openai/gsm8k",
        config="main",
        splits={"train": "train", "test": "test"},
        licence="MIT",
        convert=gsm8k,
        ability="math",
        style="rule",
        data_source="openai/gsm8k",
        ours="hub id and prompt (that of verl's own GSM8K data): no source states them",
    ),
    "wildchat10k": Source(
        hub="allenai/WildChat-1M",
        splits={"train": "train"},
        size=10_000,
        licence="ODC-BY",
        convert=wildchat,
        ability="chat",
        style="model",
        unique=True,
        ours="hub id (the paper: 10k random WildChat prompts); first user turn, English, not toxic, not redacted, "
        f"at most {WILDCHAT_CHARACTERS} characters (about the paper's 512 tokens), each prompt once",
    ),
    "deepscaler10k": Source(
        hub="agentica-org/DeepScaleR-Preview-Dataset",
        splits={"train": "train"},
        size=10_000,
        licence="MIT",
        convert=deepscaler,
        ability="math",
        style="rule",
        unique=True,
        ours="hub id; the paper removes questions that need a missing figure without saying how: here by their words "
        "(figure, diagram, picture, as shown, ...) unless the figure is there as [asy] code",
    ),
    "noveltybench": Source(
        hub="yimingzhang/novelty-bench",
        splits={"curated": "curated", "wildchat": "wildchat"},
        licence="MIT (code and curated prompts), ODC-BY (WildChat prompts)",
        convert=novelty_bench,
        ability="open-ended generation",
        style="model",
    ),
    "city": Source(
        hub=None,
        rows={"train": [{"prompt": CITY}] * 256, "test": [{"prompt": CITY}]},
        splits={"train": "train", "test": "test"},
        licence="Apache-2.0 (written here)",
        convert=city,
        ability="open-ended generation",
        style="model",
        ours="the wording: no source states the prompt; 256 copies so that a batch can be filled",
    ),
    "aime25": _competition("MathArena/aime_2025", "CC-BY-NC-SA-4.0"),
    "hmmt25": _competition("MathArena/hmmt_feb_2025", "CC-BY-NC-SA-4.0"),
    "brumo25": _competition("MathArena/brumo_2025", "CC-BY-NC-SA-4.0"),
    "olympiadbench": _competition(
        "Hothan/OlympiadBench",
        "Apache-2.0",
        "OE_TO_maths_en_COMP",
        "hub id; the hub has 674 rows, the paper 675; several answers are joined by commas, units are not asked for",
    ),
}


def named(name: str) -> Source:
    if name not in SOURCES:
        raise UserError(f"there is no data set {name}. Choose one of: {', '.join(SOURCES)}")
    return SOURCES[name]
