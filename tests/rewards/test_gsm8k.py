import time

import pytest
from verl.utils.reward_score.gsm8k import compute_score as score_of_verl

from dqo_verl.rewards.gsm8k import compute_score
from dqo_verl.rewards.queries import without_end


@pytest.mark.parametrize(
    ("text", "gold", "strict", "flexible"),
    [
        ("9 + 9 = 18\n#### 18", "18", 1, 1),
        ("#### 18.00 dollars", "18", 1, 1),
        ("####$1,234", "1234", 1, 1),
        ("#### -5", "-5", 1, 1),
        ("#### -$5", "-5", 1, 1),
        ("#### 18.", "18", 1, 1),
        ("#### 17 then #### 18", "18", 1, 1),
        ("#### 18 then #### 17", "18", 0, 0),
        ("#### 18 and 3 more words", "18", 1, 0),
        ("The answer is 18.", "18", 0, 1),
        ("#### eighteen", "18", 0, 0),
        ("", "18", 0, 0),
    ],
)
def test_compares_numbers(text: str, gold: str, strict: int, flexible: int) -> None:
    assert compute_score("gsm8k", text, gold)["acc"] == strict
    assert compute_score("gsm8k", text, gold, method="flexible")["acc"] == flexible


@pytest.mark.parametrize("answer", ["18", "-3", "0.5", "70000"])
@pytest.mark.parametrize("gold", ["18", "-3", "0.5", "70000"])
def test_agrees_with_verl_where_both_read_the_same(answer: str, gold: str) -> None:
    text = f"Some steps.\n#### {answer}"
    assert compute_score("gsm8k", text, gold)["score"] == score_of_verl(text, gold)


def test_noise_is_seen_not_punished() -> None:
    noise = "rocket " * 100
    assert score_of_verl(f"#### 18 {noise}", "18") == 0  # it reads the last 300 characters only
    assert compute_score("gsm8k", f"#### 18 {noise}", "18") == {
        "score": 1.0,
        "acc": 1.0,
        "characters_after_answer": float(len(noise.strip())),
    }


def test_through_verls_reward_manager(scored) -> None:
    results = scored("gsm8k", ["#### 18", "it is 18", ""], "18", kwargs={"method": "flexible"})
    assert [result["acc"] for result in results] == [1.0, 1.0, 0.0]


def test_refuses_what_it_cannot_compare() -> None:
    with pytest.raises(ValueError, match="strict, flexible"):
        compute_score("gsm8k", "#### 18", "18", method="fuzzy")
    with pytest.raises(ValueError, match="'a city' is not a number"):
        compute_score("gsm8k", "#### 18", "a city")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("#### 5<|im_end|>\n", "#### 5"),
        ("a <b</s> <eos>", "a <b"),
        ("<|im_end|>", ""),
        ("a <|b", "a <|b"),
        ("<|x|>" * 50_000, ""),
        (" " * 100_000 + "1", " " * 100_000 + "1"),
    ],
)
def test_blanks_and_special_tokens_at_the_end_are_cut_in_linear_time(said, text):
    began = time.perf_counter()
    assert without_end(said) == text
    assert time.perf_counter() - began < 5
