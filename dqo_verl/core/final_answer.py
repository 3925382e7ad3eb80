r"""Finds the final answer of a text and what follows it, to guard against reward hacking.

If a reward looks at the answer only, a policy can write the answer first and noise after it, which raises diversity for
nothing (arXiv 2509.04784 saw this with an outcome reward). Such noise does not change the diversity of `up_to_answer(text)`,
and `characters_after_answer(text)` measures it. The final answer is the last `#### number` or `\boxed{...}`. Without one, the
whole text counts and 0 characters follow. Noise between two answers, or in front of the only one, is not caught.
"""

import re
from decimal import Decimal

NUMBER = r"-?\$?-?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)"
# as opposed to the commas of a list: `1,234` is a number, `1,2` is not
THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
AFTER_HASHES = re.compile(rf"####\s*({NUMBER})")
# An escaped backslash or brace matches without a group: it neither opens nor closes anything.
BRACES = re.compile(r"\\\\|\\[{}]|(\\boxed\s*\{)|([{}])")


def up_to_answer(text: str) -> str:
    """`text`, cut right after its final answer."""
    found = _answer(text)
    return text if found is None else text[: found[1]]


def characters_after_answer(text: str) -> int:
    """Number of characters after the final answer, without whitespace at both ends."""
    found = _answer(text)
    return 0 if found is None else len(text[found[1] :].strip())


def final_answer(text: str) -> str | None:
    """The final answer alone: the number, or the content of the box; None if the text has no final answer.

    Blanks and dollar signs are removed, and from numbers also commas and insignificant zeros.
    """
    found = _answer(text)
    if found is None:
        return None
    bare = re.sub(r"[\s$]|\\[ ,;!]", "", text[slice(*found)]).removesuffix("}" if text[found[1] - 1] == "}" else "")
    number = bare.rstrip(",")
    if not re.fullmatch(NUMBER, number) or ("," in number and not THOUSANDS.fullmatch(number)):
        return bare
    # not normalize(), which would round to 28 digits
    number = f"{value_of(number):f}"
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return "0" if number == "-0" else number


def value_of(number: str) -> Decimal:
    """The value of a text that `NUMBER` matches; several minus signs count as one."""
    bare = re.sub(r"[,$-]", "", number)
    return -Decimal(bare) if "-" in number else Decimal(bare)


def _answer(text: str) -> tuple[int, int] | None:
    """Start and end of the final answer. A box ends with its closing brace."""
    spans = [match.span(1) for match in AFTER_HASHES.finditer(text)][-1:]
    spans += _boxes(text)[-1:]
    return max(spans, key=lambda span: span[1], default=None)


def _boxes(text: str) -> list[tuple[int, int]]:
    """Spans of closed boxes, in the order in which they close. One pass: a policy may open ten thousand and close none."""
    found: list[tuple[int, int]] = []
    # where the content of each open brace begins; None for braces that do not open a box
    open_: list[int | None] = []
    for match in BRACES.finditer(text):
        box, brace = match.groups()
        if box or brace == "{":
            open_.append(match.end() if box else None)
        elif brace == "}" and open_ and (start := open_.pop()) is not None:
            found.append((start, match.end()))
    return found
