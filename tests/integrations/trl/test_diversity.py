"""`Diversity(...)`: the settings of the core in Python's words, and what means nothing in TRL."""

import pytest

from dqo_verl import UserError
from dqo_verl.integrations.trl.shaping import said
from dqo_verl.trl import Diversity

MISTYPED = (
    (
        ("dqoo",),
        {},
        "Diversity('dqoo') is not known. Did you mean Diversity('dqo')? Choose one of: bleu, certainty, darling,",
    ),
    (("dqo",), {"alhpa": 2.0}, "alhpa does not exist. Did you mean alpha=2.0?"),
    (("dqo",), {"alpha": -1.0}, "alpha=-1.0 must be between 0 and 1e+06."),
    (("dqo",), {"alpha": "1"}, "alpha=\"'1'\" must be float, not str."),
    (("dqo",), {"scale": "decupled"}, "scale='decupled' is not known. Choose one of: raw, decoupled."),
    (("darling",), {"alpha": 1.0}, "alpha=1.0 has no effect: alpha belongs to"),
    (("dqo",), {"measure": "pairwise"}, "measure is the first argument. Write Diversity('pairwise')."),
    (("dqo",), {"base": "rloo"}, "base='rloo' has no effect: the trainer is the base"),
    (("dqo",), {"stream": False}, "stream=False has no effect"),
    (("dqo",), {"deadline": 1.0}, "deadline=1.0 has no effect: the trainer's own process computes the features"),
    (("nowhere.py:Mine",), {}, "nowhere.py"),
    (("likelihood",), {}, "likelihood reads the policy's log-probabilities"),
    (("dqo",), {"placement": "gpu"}, "Write placement='shared'"),
    (("dqo",), {"placement": "http", "urls": ["a:8000"]}, "urls: a:8000 is not a URL. Write http://a:8000."),
    (("dqo",), {"placement": "http"}, "http needs urls='...'"),
)


@pytest.mark.parametrize(("method", "typed", "message"), MISTYPED)
def test_a_mistake_is_refused_with_what_to_type(method, typed, message):
    with pytest.raises(UserError) as refused:
        Diversity(*method, **typed)
    assert message in str(refused.value)


def test_a_method_a_measure_and_the_trainer_as_base():
    dqo = Diversity(alpha=0.5, gate=0.5).on("GRPOTrainer")
    assert (dqo.method, dqo.measure.name, dqo.combine.alpha, dqo.base) == ("dqo", "dpp", 0.5, "GRPOTrainer")
    assert Diversity("pairwise").on("RLOOTrainer").measure.name == "pairwise"
    http = Diversity("dqo", placement="http", urls=["http://a:8000"], deadline=1.0).on("GRPOTrainer")
    assert http.source.deadline == 1.0
    assert Diversity(None).on("GRPOTrainer").measure.name == "none"
    assert dqo.spell("scale", "decoupled") == "scale='decoupled'"


def test_a_measure_of_ones_own_may_be_called_like_a_method(tmp_path):
    (tmp_path / "diverse.py").write_text(
        "from dqo_verl import Measure\n\nclass Mine(Measure):\n    name = 'mine'\n    reads = 'texts'\n\n"
        "    def __call__(self, groups):\n        return groups.each([[1.0] * len(texts) for texts in groups.texts])\n"
    )
    assert Diversity(f"{tmp_path}/diverse.py:Mine").on("GRPOTrainer").measure.name == "mine"


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("a text", "a text"),
        ([{"role": "assistant", "content": "hello"}], "hello"),
        (
            [
                {"role": "assistant", "content": "let me look", "tool_calls": [{}]},
                {"role": "tool", "name": "search", "content": "42"},
                {"role": "assistant", "content": "it is 42"},
            ],
            "it is 42",
        ),
        ([{"role": "assistant", "content": None}, {"role": "tool", "content": "42"}], ""),
        (
            [{"role": "assistant", "content": [{"type": "image"}, {"type": "text", "text": "a cat"}]}],
            "a cat",
        ),
        ([], ""),
    ],
)
def test_what_was_said_is_the_last_assistant_message(completion, text):
    assert said(completion) == text
