"""Refuses keys that a user added with a plus sign and that nothing reads, such as misspelt settings: verl accepts any."""

from collections.abc import Mapping
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from dqo_verl.core.settings import known_keys
from dqo_verl.errors import UserError
from dqo_verl.integrations.verl import validation
from dqo_verl.integrations.verl.refusals import LEGACY
from dqo_verl.integrations.verl.typed import PREFIX, VERL

# Where users expect our settings. Keys elsewhere belong to verl or to another plugin.
SECTIONS = ("", "algorithm.", "reward_model.", "reward.", "reward.reward_model.", "trainer.")
SWITCH = "reward_model.diversity"
# sections of verl's older releases that are still in its config
LEGACY_SECTIONS = ("reward_model.model.", "reward_model.rollout.")
ALIKE, ALMOST_EQUAL = 0.8, 0.88


def refuse_misspelt(added: Mapping[str, Any], is_ours: bool, of_verl: bool, migrates: bool) -> None:
    """Refuse an added key that nothing reads.

    Args:
        added: the keys that the user added.
        is_ours: whether the run uses diversity.
        of_verl: whether the estimator is ours or verl's; another plugin's may read `algorithm.alpha`.
        migrates: whether the command moves keys of verl's older releases to their new places.
    """
    for key, value in added.items():
        if key == validation.SWITCH and not isinstance(value, bool):
            raise UserError(f"+{key}={value} must be true or false.")
        if key in (SWITCH, validation.SWITCH) or f"{key}.".startswith(f"{PREFIX}.") or key in LEGACY:
            continue
        if meant := _meant(key, value, is_ours, of_verl):
            raise UserError(f"+{key} has no effect: nothing reads it. Did you mean {meant}?")
        if key.startswith("reward_model.") and not key.startswith(LEGACY_SECTIONS) and not migrates:
            raise UserError(
                f"+{key} has no effect: verl 0.9 reads its reward settings under reward. Under reward_model, only dqo_verl's "
                f"{SWITCH} is read."
            )


def _meant(key: str, value: Any, is_ours: bool, of_verl: bool) -> str | None:
    """What to type instead, if `key` looks like one of ours."""
    if SequenceMatcher(None, key, validation.SWITCH).ratio() >= ALMOST_EQUAL:
        return f"+{validation.SWITCH}={value}"
    for section in filter(key.startswith, SECTIONS):
        name, _, inner = key.removeprefix(section).partition(".")
        if SequenceMatcher(None, name.lower(), "diversity").ratio() >= ALMOST_EQUAL and name[:1].lower() == "d":
            return VERL(_nearest(inner), value) if inner else VERL("measure", value)
        # `+reward_model.alpha`, `+algorithm.alpha`, and `+alpha` where it can only be ours
        if inner or not {"reward_model.": True, "algorithm.": of_verl, "": is_ours}.get(section, False):
            continue
        near = get_close_matches(name, known_keys(), n=1, cutoff=ALIKE)
        # a name that is only similar is probably another plugin's, unless this run uses diversity
        if near and (name in near or (is_ours and len(name) >= 5 and name[0] == near[0][0])):
            return VERL(near[0], value)
    return None


def _nearest(name: str) -> str:
    return next(iter(get_close_matches(name, known_keys(), n=1)), name)
