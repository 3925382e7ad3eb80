"""Labels from a language model behind a real vLLM server: chat template, model list, refusal of what is too long."""

import random

import pytest

from dqo_verl.classifier.data import read_all
from dqo_verl.classifier.label import label
from dqo_verl.classifier.question import render
from dqo_verl.classifier.traces import Traces
from experiments.tiny.model import byte_tokenizer, new_policy, supervise

WORDS = ["add", "half", "of", "it", "then", "take", "the", "rest", "away", "and", "count", "once", "more"]


def solution(rng, multiplies):
    return " ".join(rng.choices(WORDS, k=6)) + (" multiply" if multiplies else "")


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """A tiny policy that was taught to call strategies different where they multiply."""
    directory, rng = tmp_path_factory.mktemp("judge"), random.Random(0)

    def lesson(different):
        question = render(f"How many? {rng.randrange(10)}", solution(rng, different), solution(rng, different))
        return question, f"They compare so.\nDifferent strategies: {'yes' if different else 'no'}"

    def batch():
        return [lesson(rng.random() < 0.5) for _ in range(8)]

    tokenizer = byte_tokenizer([text for example in batch() for text in example], vocab_size=1000)
    supervise(new_policy(tokenizer, 0), tokenizer, batch, 150).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def test_a_served_judge_labels_pairs(judge, serve_vllm, tmp_path):
    (url,) = serve_vllm({"judge": judge}, runner="generate")
    rng = random.Random(1)
    truth = [i % 2 for i in range(10)]
    pairs = [Traces(f"How many? {i}", solution(rng, not same), solution(rng, not same)) for i, same in enumerate(truth)]
    too_long = Traces("How many?", "add " * 600, "add")
    out = tmp_path / "labels.jsonl"
    counts = label([*pairs, too_long], out, "judge", f"{url}/v1", 4)
    assert counts == {"different": 5, "similar": 5, "disagreed": 0, "no verdict": 0, "refused": 1}
    assert [pair.similar for pair in read_all([str(out)])[0]] == truth
