"""What a run says before it starts: what it rewards, what differs from the defaults, and what may surprise."""

from omegaconf import DictConfig

from dqo_verl.core.objectives import Add
from dqo_verl.core.settings import Settings
from dqo_verl.core.sources import CosineClasses
from dqo_verl.integrations.verl.bases import ACROSS_GROUPS
from dqo_verl.integrations.verl.probe import TESTED, Verl
from dqo_verl.integrations.verl.typed import VERL


def announcement(settings: Settings, config: DictConfig, verl: Verl) -> str:
    std = config.algorithm.norm_adv_by_std_in_grpo
    is_grpo = settings.base.startswith("grpo")
    division = f" {'with' if std else 'without'} std division" if is_grpo else ""
    lines = [f"[dqo_verl] {settings.in_words(config.actor_rollout_ref.rollout.n)}{division}"]
    if changed := settings.beside_defaults():
        lines.append(f"[dqo_verl] set: {', '.join(f'{key}={value}' for key, value in changed.items())}")
    if verl.is_untested:
        lines.append(
            f"[dqo_verl] note: verl {verl.version} is newer than {TESTED}, the last one that this was tested with."
        )
    if std and is_grpo and _is_raw(settings) and not settings.changes_nothing:
        lines.append(
            "[dqo_verl] note: with std division, groups of equal quality get full-size advantages from the bonus alone, "
            "whatever alpha is. To avoid it: algorithm.norm_adv_by_std_in_grpo=False or "
            f"{VERL('scale', 'decoupled')}."
        )
    source = settings.source
    if isinstance(source, CosineClasses):
        lines.append(
            f"[dqo_verl] note: no pair classifier: two responses are the same above a cosine of {source.threshold:g}, "
            f"classes by {source.partition}. With one it is DARLING: {VERL('classifier', 'NAME_OR_PATH')}"
        )
    adds = settings.combine.name != "multiply" and not settings.changes_nothing
    if adds and config.actor_rollout_ref.rollout.n == 2 and settings.measure.symmetric and _compares_within(settings):
        lines.append(
            f"[dqo_verl] note: two responses are equally diverse, and {settings.base} compares within groups: with "
            "actor_rollout_ref.rollout.n=2 the bonus cancels. Use at least 3, or base=gae."
        )
    return "\n".join(lines)


def _is_raw(settings: Settings) -> bool:
    """Whether the base estimator sees the bonus, and divides it."""
    return not (isinstance(settings.combine, Add) and settings.combine.scale == "decoupled")


def _compares_within(settings: Settings) -> bool:
    return settings.base not in ACROSS_GROUPS
