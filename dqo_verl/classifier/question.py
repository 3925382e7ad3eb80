"""What a judge is asked about two solutions. The DARLING paper describes its question; the words are ours."""

import re

PROMPT = """\
Here are two solutions of the same problem. Do they use different strategies?

Their strategies are different if they rest on another method, another key argument or another concept. They are also \
different if both begin alike but a step that decides the solution is another one. They are not different if only the \
wording, the notation, the level of detail, the order of independent steps or a slip in the arithmetic is. Whether a \
solution is right does not matter.

<problem>
{prompt}
</problem>

<solution number="1">
{a}
</solution>

<solution number="2">
{b}
</solution>

Compare them in a few sentences, then end with one line, either
Different strategies: yes
or
Different strategies: no"""

VERDICT = re.compile(r"different strategies\W*:\W*(yes|no)\b", re.IGNORECASE)


def render(prompt: str, a: str, b: str) -> str:
    return PROMPT.format(prompt=prompt, a=a, b=b)


def similar(answer: str) -> int | None:
    """1 for "Different strategies: no", 0 for "yes" (the last one counts), None where neither was said."""
    found = VERDICT.findall(answer)
    return None if not found else int(found[-1].lower() == "no")
