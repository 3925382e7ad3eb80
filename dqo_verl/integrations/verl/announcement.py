"""The first lines that a run prints, with settings as in verl's command line."""

from omegaconf import DictConfig

from dqo_verl.core.announcement import PREFIX, Trainer, announcement
from dqo_verl.core.settings import Settings
from dqo_verl.integrations.verl.bases import ACROSS_GROUPS, ALWAYS_DIVIDE
from dqo_verl.integrations.verl.probe import TESTED, Verl


def first_lines(settings: Settings, config: DictConfig, verl: Verl) -> str:
    divides = config.algorithm.norm_adv_by_std_in_grpo if settings.base.startswith("grpo") else None
    always = settings.base in ALWAYS_DIVIDE
    trainer = Trainer(
        responses=config.actor_rollout_ref.rollout.n,
        responses_setting="actor_rollout_ref.rollout.n",
        compares_within=settings.base not in ACROSS_GROUPS,
        divides_by_std=always or divides,
        without_std=settings.spell("base", "grpo") if always else "algorithm.norm_adv_by_std_in_grpo=False",
    )
    lines = announcement(settings, trainer)
    if verl.is_untested:
        lines.append(
            f"{PREFIX} note: verl {verl.version} is newer than {TESTED}, the newest one that dqo_verl was tested with."
        )
    return "\n".join(lines)
