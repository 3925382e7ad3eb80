"""The demo's tasks: what is right, how often the teacher is wrong, what the embedders see."""

import random
from importlib import import_module

import pytest
import torch

from experiments.collapse import reward, sentences, sums


def test_sums_against_arithmetic():
    right = {f"{a}+{b}" for a in range(1, 13) for b in range(1, 40) if a + b == 40}
    assert len(right) == 12
    for text in [f"{a}+{b}" for a in range(0, 45) for b in range(0, 45)]:
        assert sums.is_right(text, "40") == (text in right)


@pytest.mark.parametrize("text", ["", "9+", "9+31+0", "+40", "09+31", "9+31.", "9 + 31", "9+31\n31", "-1+41", "٩+٣١"])
def test_what_is_no_sum(text):
    assert not sums.is_right(text, "40")


def test_sentences_know_twelve_right_answers_and_no_thing_is_of_two_kinds():
    things = [thing for own in sentences.THINGS.values() for thing in own]
    assert len(things) == len(set(things))
    for kind, own in sentences.THINGS.items():
        assert len(own) == 12
        assert [t for t in things if sentences.is_right(sentences.sentence(t), kind)] == own
    assert not sentences.is_right("mango", "a fruit")


@pytest.mark.parametrize("name", ["sums", "few", "sentences"])
def test_the_teacher_is_wrong_as_often_as_it_says_and_96_prompts_are_different(name):
    task, rng = import_module(f"experiments.collapse.{name}"), random.Random(0)
    problems = task.problems()
    assert len(problems) == len({asked for asked, _ in problems}) == 96
    lessons = [(task.answer(rng, truth), truth) for _, truth in rng.choices(problems, k=4000)]
    right = sum(reward.compute_score(name, f" {text} ", truth) for text, truth in lessons) / len(lessons)
    # a teacher that errs at random is right by chance now and then
    assert 1 - task.WRONG - 0.02 < right < 1 - task.WRONG + 0.04


def test_the_embedder_of_sums_tells_right_answers_apart(tmp_path):
    from dqo_verl.models.embedder import Embedder

    sums.save_embedder(tmp_path)
    embedder = Embedder(str(tmp_path))
    vectors, cut = embedder(["8+9", "9+8", "10+7", "8+10", "8+9", "no sum"])
    cosine = torch.tensor(vectors @ vectors.T)
    expected = torch.eye(6)
    expected[0, 4] = expected[4, 0] = 1.0
    for other in (0, 4):
        expected[3, other] = expected[other, 3] = 0.5  # one number shared
    torch.testing.assert_close(cosine, expected)
    assert not cut.any()


def test_evaluation_reads_with_the_same_embedder(tmp_path):
    from dqo_verl.evaluation.metrics.semantic import embed

    sums.save_embedder(tmp_path)
    vectors, cut = embed(["8+9", "8+10", "8+9", ""], str(tmp_path))
    assert (vectors @ vectors.T)[0].tolist() == pytest.approx([1, 0.5, 1, 0])
    assert cut == 0
