"""The question to a judge about two solutions: DARLING's (arXiv 2509.02534, Figure 9) in our words, with our ending."""

import re

PROMPT = """\
Here are two solutions of the same problem. Do they use different strategies?

Their strategies are different if

- the methods are clearly different ones, such as algebra and geometry, or a formula and a computation by numbers;
- an important step of the reasoning, or what is assumed, is another one, even where the answers agree;
- another concept or another way to represent the problem lies beneath, such as probability and counting;
- the approach is the same on the whole, but a step that decides the solution is done in a truly different way.

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

VERDICT = re.compile(r"different strategies[^\w:]*:\W*(yes|no)\b", re.IGNORECASE)


def render(prompt: str, a: str, b: str) -> str:
    return PROMPT.format(prompt=prompt, a=a, b=b)


def similar(answer: str) -> int | None:
    """Read the verdict: 1 for "Different strategies: no", 0 for "yes"; the last one counts; None if there is none."""
    found = VERDICT.findall(answer)
    return None if not found else int(found[-1].lower() == "no")
