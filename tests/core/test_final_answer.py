import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.final_answer import characters_after_answer, final_answer, up_to_answer

CASES = [
    ("9 + 9 = 18\n#### 18", "9 + 9 = 18\n#### 18", 0),
    ("#### 18\nbanana rocket", "#### 18", len("banana rocket")),
    ("#### $1,234.50 is it.", "#### $1,234.50", len("is it.")),
    ("#### 5 no, wait. #### 6!", "#### 5 no, wait. #### 6", 1),
    ("so \\boxed{18} and noise", "so \\boxed{18}", len("and noise")),
    ("so \\boxed{\\frac{1}{2}} x", "so \\boxed{\\frac{1}{2}}", 1),
    ("so \\boxed{\\{1, 2\\}}.", "so \\boxed{\\{1, 2\\}}", 1),
    ("\\boxed{1} then \\boxed{2 never closed", "\\boxed{1}", len("then \\boxed{2 never closed")),
    ("\\boxed{\\boxed{3}} x", "\\boxed{\\boxed{3}}", 1),
    ("#### 1 \\boxed{2} y", "#### 1 \\boxed{2}", 1),
    ("no answer at all, only 18", "no answer at all, only 18", 0),
    ("#### eighteen", "#### eighteen", 0),
    ("", "", 0),
]


@pytest.mark.parametrize(("text", "cut", "following"), CASES)
def test_cuts_right_after_the_final_answer(text: str, cut: str, following: int) -> None:
    assert up_to_answer(text) == cut
    assert characters_after_answer(text) == following


PLAIN = st.text(st.characters(exclude_characters="#\\{}0123456789.,$-"))


@given(before=PLAIN, after=PLAIN, answer=st.sampled_from(["#### 18", "\\boxed{18}", "\\boxed{x^{2}}"]))
def test_noise_after_an_answer_changes_nothing_but_its_count(before: str, after: str, answer: str) -> None:
    text = f"{before}{answer} {after}"
    assert up_to_answer(text) == f"{before}{answer}"
    assert characters_after_answer(text) == len(after.strip())


@given(st.text(alphabet="-$,.01#").map("#### {0} \\boxed{{{0}}}".format))
def test_whatever_looks_like_a_number_is_read(text: str) -> None:
    assert final_answer(text) is not None


@given(st.text(alphabet="#1. \\{}boxed"))
def test_cutting_twice_is_cutting_once(text: str) -> None:
    cut = up_to_answer(text)
    assert text.startswith(cut)
    assert up_to_answer(cut) == cut


def test_many_open_boxes_take_linear_time() -> None:
    started = time.perf_counter()
    assert up_to_answer("\\boxed{" * 100_000 + "1}") == "\\boxed{" * 100_000 + "1}"
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so #### 18", "18"),
        ("#### 1,800.00 apples", "1800"),
        ("#### $-3.50", "-3.5"),
        ("#### -0.00", "0"),
        ("#### 100", "100"),
        ("#### 18, because", "18"),
        (r"\boxed{--5}", "-5"),
        ("#### -$-5", "-5"),
        # a list, not a number
        (r"\boxed{1,2}", "1,2"),
        (r"\boxed{1,234,567.50}", "1234567.5"),
        # more digits than decimal computes with
        ("#### 1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"),
        (r"thus \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{ x + 1 }", "x+1"),
        (r"\boxed{12.0}", "12"),
        (r"#### 3 and then \boxed{4}", "4"),
        (r"\boxed{4} and then #### 3", "3"),
        (r"\boxed{}", ""),
        ("no answer", None),
        (r"\boxed{open", None),
        ("", None),
    ],
)
def test_the_answer_alone(text, answer):
    assert final_answer(text) == answer
