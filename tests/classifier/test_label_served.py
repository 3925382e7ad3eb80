"""A language model behind a real vLLM server labels pairs and sorts groups: chat template, model list, refusal of what is too long."""

import random

import pytest

from dqo_verl.classifier.data import read_all
from dqo_verl.classifier.label import label
from dqo_verl.classifier.question import render
from dqo_verl.classifier.traces import Traces
from dqo_verl.lab.model import byte_tokenizer, new_policy
from dqo_verl.models import judge as sorting
from dqo_verl.models.servers import Endpoint
from experiments.tiny.model import supervise

WORDS = ["add", "half", "of", "it", "then", "take", "the", "rest", "away", "and", "count", "once", "more"]


def solution(rng, multiplies):
    return " ".join(rng.choices(WORDS, k=6)) + (" multiply" if multiplies else "")


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """A tiny policy that was taught to call strategies different where one multiplies, and to sort two answers by that."""
    directory, rng = tmp_path_factory.mktemp("judge"), random.Random(0)

    def lesson(different):
        question = render(f"How many? {rng.randrange(10)}", solution(rng, different), solution(rng, different))
        return question, f"They compare so.\nDifferent strategies: {'yes' if different else 'no'}"

    def sorting_lesson(different):
        answers = [solution(rng, False), solution(rng, different)]
        rng.shuffle(answers)
        return sorting.render(answers), '{"groups": [[1], [2]]}' if different else '{"groups": [[1, 2]]}'

    def batch():
        return [kind(rng.random() < 0.5) for kind in (lesson, sorting_lesson) for _ in range(4)]

    tokenizer = byte_tokenizer([text for example in batch() for text in example], vocab_size=1000)
    supervise(new_policy(tokenizer, 0), tokenizer, batch, 150).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def url(judge, serve_vllm):
    (url,) = serve_vllm({"judge": judge}, runner="generate")
    return url


def test_a_served_judge_sorts_groups(url):
    rng, truth = random.Random(2), [i % 2 for i in range(10)]
    groups = [(solution(rng, False), solution(rng, different)) for different in truth]
    judge = sorting.Judge("judge", Endpoint([url], 120.0))
    assert judge([*groups, ("add " * 600, "add")]) == [*((0, different) for different in truth), None]
    assert judge.counts["judge/unsorted"] == 1
    assert judge.counts["judge/tokens"] > 0
    with pytest.raises(RuntimeError, match="answered 404"):
        sorting.Judge("nobody", Endpoint([url], 120.0))


def test_a_served_judge_labels_pairs(url, tmp_path):
    rng = random.Random(1)
    truth = [i % 2 for i in range(10)]
    pairs = [Traces(f"How many? {i}", solution(rng, not same), solution(rng, not same)) for i, same in enumerate(truth)]
    too_long = Traces("How many?", "add " * 600, "add")
    out = tmp_path / "labels.jsonl"
    counts = label([*pairs, too_long], out, "judge", f"{url}/v1", 4)
    assert counts == {"different": 5, "similar": 5, "disagreed": 0, "no verdict": 0, "refused": 1}
    assert [pair.similar for pair in read_all([str(out)])[0]] == truth
