r"""The final answer of a text and what follows it: a guard against reward hacking.

A rule that looks for the answer alone lets a policy write it first and noise after, which raises diversity for nothing
(arXiv 2509.04784 saw it with an outcome reward). Diversity of `up_to_answer(text)` gains nothing from such noise, and
`characters_after_answer(text)` shows it. The final answer is the last `#### number` or `\boxed{...}`. Without one the
whole text counts and nothing is said to follow. Not caught: noise between two answers, or in front of the only one.
"""

import re

NUMBER = r"-?\$?-?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)"
AFTER_HASHES = re.compile(rf"####\s*({NUMBER})")
# An escaped backslash or brace matches without a group: it neither opens nor closes anything.
BRACES = re.compile(r"\\\\|\\[{}]|(\\boxed\s*\{)|([{}])")


def up_to_answer(text: str) -> str:
    """`text`, cut right after its final answer."""
    end = _answer_end(text)
    return text if end is None else text[:end]


def characters_after_answer(text: str) -> int:
    """How many characters follow the final answer, blanks at both ends not counted."""
    end = _answer_end(text)
    return 0 if end is None else len(text[end:].strip())


def _answer_end(text: str) -> int | None:
    ends = [match.end() for match in AFTER_HASHES.finditer(text)][-1:]
    ends += _boxed_ends(text)[-1:]
    return max(ends, default=None)


def _boxed_ends(text: str) -> list[int]:
    """Where each closed box ends. One pass: a policy may write ten thousand boxes and close none."""
    ends: list[int] = []
    is_box: list[bool] = []
    for match in BRACES.finditer(text):
        box, brace = match.groups()
        if box or brace == "{":
            is_box.append(bool(box))
        elif brace == "}" and is_box and is_box.pop():
            ends.append(match.end())
    return ends
