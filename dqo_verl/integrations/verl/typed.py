"""Reads settings from a verl command: `algorithm.adv_estimator`, `reward_model.diversity` and `algorithm.diversity.*`."""

from collections.abc import Collection, Mapping
from typing import Any

from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import Settings, parse
from dqo_verl.core.spelling import Spelling
from dqo_verl.errors import UserError
from dqo_verl.integrations.verl.bases import check_base

PREFIX = "algorithm.diversity"
VERL = Spelling(
    setting=f"+{PREFIX}.{{key}}={{value}}",
    measure="+reward_model.diversity={value}",
    leave_a_gpu="leave one free, e.g. trainer.n_gpus_per_node=4 on a node of 8",
    leave_room="leave room, actor_rollout_ref.rollout.gpu_memory_utilization=0.4",
    without_groups="base=gae",
)


def resolve(adv_estimator: str, measure: Any, typed: Mapping[str, Any], bases: Collection[str]) -> Settings | None:
    """The settings of a run, or None for a run without diversity. Raises a `UserError` that says what to type.

    Args:
        adv_estimator: one of our methods, or one of verl's estimators, which becomes the base.
        measure: `reward_model.diversity`, if given.
        typed: `algorithm.diversity.*`.
        bases: the estimators registered in verl, without ours.
    """
    ours = adv_estimator in METHODS
    for key in ("diversity", "measure", "method"):
        if key in typed:
            name = typed[key]
            instead = f"algorithm.adv_estimator={name}" if name in METHODS else VERL("measure", name)
            raise UserError(f"{PREFIX}.{key} does not exist. Write {instead}.")
    if not ours and measure is None:
        if typed:
            raise UserError(
                f"{PREFIX}.{next(iter(typed))} has no effect with algorithm.adv_estimator={adv_estimator}. Add "
                f"{VERL('measure', 'dpp')}, or use algorithm.adv_estimator={' or '.join(METHODS)}."
            )
        return None
    values = dict(typed)
    if measure is not None:
        values["measure"] = measure
    if ours:
        values["method"] = adv_estimator
    elif values.setdefault("base", adv_estimator) != adv_estimator:
        raise UserError(
            f"Two base estimators: algorithm.adv_estimator={adv_estimator} and {PREFIX}.base={values['base']}. "
            f"Drop the second, or write algorithm.adv_estimator=dqo {VERL('base', values['base'])}."
        )
    settings = parse(values, VERL)
    check_base(settings.base, bases, VERL)
    return settings
