r"""The final answer of a text and what follows it: a guard against reward hacking.

A rule that looks for the answer alone lets a policy write it first and noise after, which raises diversity for nothing
(arXiv 2509.04784 saw it with an outcome reward). Diversity of `up_to_answer(text)` gains nothing from such noise, and
`characters_after_answer(text)` shows it. The final answer is the last `#### number` or `\boxed{...}`. Without one the
whole text counts and nothing is said to follow. Not caught: noise between two answers, or in front of the only one.
"""

import re
from decimal import Decimal

NUMBER = r"-?\$?-?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)"
AFTER_HASHES = re.compile(rf"####\s*({NUMBER})")
# An escaped backslash or brace matches without a group: it neither opens nor closes anything.
BRACES = re.compile(r"\\\\|\\[{}]|(\\boxed\s*\{)|([{}])")


def up_to_answer(text: str) -> str:
    """`text`, cut right after its final answer."""
    found = _answer(text)
    return text if found is None else text[: found[1]]


def characters_after_answer(text: str) -> int:
    """How many characters follow the final answer, blanks at both ends not counted."""
    found = _answer(text)
    return 0 if found is None else len(text[found[1] :].strip())


def final_answer(text: str) -> str | None:
    """The answer alone: the number, or what stands in the box; without blanks and dollar signs, a number without commas and zeros
    that say nothing. None if there is none."""
    found = _answer(text)
    if found is None:
        return None
    bare = re.sub(r"[\s$]|\\[ ,;!]", "", text[slice(*found)]).removesuffix("}" if text[found[1] - 1] == "}" else "")
    if not re.fullmatch(NUMBER, bare):
        return bare
    # every digit counts: normalize() would round to 28 of them
    number = f"{Decimal(bare.replace(',', '')):f}"
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return "0" if number == "-0" else number


def _answer(text: str) -> tuple[int, int] | None:
    """Where the final answer begins and ends; of a box, the brace that closes it is its end."""
    spans = [match.span(1) for match in AFTER_HASHES.finditer(text)][-1:]
    spans += _boxes(text)[-1:]
    return max(spans, key=lambda span: span[1], default=None)


def _boxes(text: str) -> list[tuple[int, int]]:
    """What each closed box holds, in the order in which they close. One pass: a policy may write ten thousand boxes and close none."""
    found: list[tuple[int, int]] = []
    # where each open brace's content begins; None of those that are no box
    open_: list[int | None] = []
    for match in BRACES.finditer(text):
        box, brace = match.groups()
        if box or brace == "{":
            open_.append(match.end() if box else None)
        elif brace == "}" and open_ and (start := open_.pop()) is not None:
            found.append((start, match.end()))
    return found
