"""Refuses knobs (a recipe's environment variables) that would have no effect. `knobs` in _common.sh calls it before any setup.

    python3 _knobs.py SCRIPT "ALPHA ..." K=4 EMBEDDER dqo_gsm8k_qwen.sh ... -- ARGUMENT ...

The arguments are the script, the knobs of its root recipe that it lacks, its own declaration, and after `--` what the user
typed after the script. No environment exists yet, so this needs only the standard library.
"""

import os
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

RECIPES = Path(__file__).parent
COMMON = {"OUT", "PROFILE", "DRY_RUN", "CHECK", "VERBOSE", "NNODES", "STEPS", "NGPUS", "DATA"}
# Environments often have these variables, which are one letter away from a knob.
FOREIGN = {"DATE", "MODE", "TOKEN"}
RETIRED = {
    "METHOD": "algorithm.adv_estimator=dqo (or darling, or grpo: reward only), or "
    "algorithm.adv_estimator=grpo +reward_model.diversity=MEASURE (docs/settings.md)",
    "BASE": "algorithm.adv_estimator={value}, or +algorithm.diversity.base={value} with dqo and darling",
    "STD": "algorithm.norm_adv_by_std_in_grpo={value}",
    "SHIFT": "+algorithm.diversity.quality_shift={value}",
    "GATE": "+algorithm.diversity.gate={value}",
    "FLOOR": "+algorithm.diversity.floor={value}",
    "PLACEMENT": "+algorithm.diversity.placement={value}",
    "RM_PLACEMENT": "+reward.custom_reward_function.reward_kwargs.placement={value}",
    "CRITIC_LR": "critic.optim.lr={value}",
    "RATE": "actor_rollout_ref.actor.optim.lr={value}",
}
KNOB = re.compile(r"[A-Z][A-Z0-9_]*")


def names(declared: Iterable[str]) -> set[str]:
    """The knobs in a declaration, including those of the recipes that it names."""
    found = set()
    for word in declared:
        name = word.split("=")[0]
        found |= of_recipe(name) if name.endswith(".sh") else {name} if KNOB.fullmatch(name) else set()
    return found


def of_recipe(script: str) -> set[str]:
    """The knobs that the text of a recipe declares: none for a variant, because its root recipe declares them."""
    text = (RECIPES / script).read_text().replace("\\\n", " ")
    without = re.findall(r"^WITHOUT=(.*)", text, re.MULTILINE)
    declared = re.findall(r"^knobs (.*)", text, re.MULTILINE)
    return names(shlex.split(" ".join(declared))) - set(" ".join(without).replace('"', "").split())


def one_edit(a: str, b: str) -> bool:
    """Whether a and b differ by one letter: left out, added, replaced, or swapped with the next one."""
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[same:], b[same:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def retired(name: str, value: str, script: str) -> str:
    return f"{name} is no longer a knob. Write {RETIRED[name].format(value=value)} after {script}"


def refusal(script: str, mine: set[str], typed: list[str], environment: dict[str, str]) -> str | None:
    # OpenRLHF's recipes never had them
    old = {} if script.startswith("openrlhf/") else RETIRED
    for argument in typed:
        name, equals, value = argument.partition("=")
        if equals and name in old:
            return retired(name, value, script)
        if equals and KNOB.fullmatch(name):
            knob = f"{name}={shlex.quote(value)}"
            return f"{name} belongs in front of the script: {knob} bash recipes/{script}"
    scripts = sorted(path.relative_to(RECIPES).as_posix() for path in RECIPES.rglob("*.sh"))
    known = {name: of_recipe(name) for name in scripts}
    everyones = set().union(*known.values())
    for name, value in environment.items():
        if name in mine or not KNOB.fullmatch(name):
            continue
        if name in old:
            return retired(name, value, script)
        if name in COMMON:
            return f"{name} has no effect in {script}; leave it out (unset {name})"
        if name in everyones:
            others = ", ".join(other for other, its in known.items() if name in its)
            return (
                f"{name} has no effect in {script}; leave it out (unset {name}), or run a recipe that has it: {others}"
            )
        near = sorted(knob for knob in mine if len(knob) >= 4 and one_edit(name, knob))
        if near and name not in FOREIGN:
            return f"{name} is not a knob of {script}. Did you mean {near[0]}?"
    profile = environment.get("PROFILE") or "gpu"
    return None if profile in ("gpu", "cpu") else f"PROFILE={profile} is neither gpu nor cpu"


def main(script: str, without: str, *rest: str) -> int:
    at = rest.index("--")
    mine = (names(rest[:at]) | COMMON) - set(without.split())
    if message := refusal(script, mine, list(rest[at + 1 :]), dict(os.environ)):
        print(message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
