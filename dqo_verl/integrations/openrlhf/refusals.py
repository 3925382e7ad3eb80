"""Refuses what cannot work in OpenRLHF, before Ray starts, and prints notes about what may surprise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dqo_verl.core.announcement import PREFIX, Trainer, announcement
from dqo_verl.core.credits.maxrl import MaxRL
from dqo_verl.core.methods import METHODS
from dqo_verl.core.objectives import Add
from dqo_verl.core.placements import Gpu
from dqo_verl.core.settings import Settings
from dqo_verl.core.sources import Model
from dqo_verl.errors import UserError
from dqo_verl.integrations.openrlhf.probe import TESTED, OpenRLHF
from dqo_verl.integrations.openrlhf.typed import BASE, ESTIMATOR, OPENRLHF
from dqo_verl.models import hub

# bases that subtract the mean of a prompt's responses
WITHIN_GROUPS = ("rloo", "reinforce_baseline", "group_norm", "dr_grpo")
DATA = ("data.prompt_dataset", "eval.dataset")
FILES = (".json", ".jsonl", ".csv", ".parquet", ".arrow")


def refuse(arguments: Mapping[str, Any], settings: Settings) -> None:
    """Refuse arguments that cannot work. `arguments`: OpenRLHF's own, by dotted name."""
    n = arguments["rollout.n_samples_per_prompt"]
    settings.credit.refuse_too_few(n, f"--rollout.n_samples_per_prompt {n}")
    if not settings.reads_nothing and n < 2:
        raise UserError(
            f"--rollout.n_samples_per_prompt {n}: one response per prompt has nothing to differ from. Write "
            "--rollout.n_samples_per_prompt 4 (DQO's default) or 8 (DARLING's)."
        )
    low, high = arguments["reward.clip_range"]
    combine = settings.combine
    if isinstance(combine, Add) and settings.is_raw and combine.unit == "reward" and combine.alpha > min(-low, high):
        raise UserError(
            f"{OPENRLHF('alpha', combine.alpha)}: OpenRLHF subtracts the baseline from a reward, then clips it to "
            f"--reward.clip_range {low:g} {high:g}, which would cut off the bonus. Write a wider range, or "
            f"{OPENRLHF('scale', 'decoupled')}."
        )
    if isinstance(settings.credit, MaxRL) and n - 1 > min(-low, high):
        raise UserError(
            f"--rollout.n_samples_per_prompt {n}: with MaxRL, a single right answer among {n} has an advantage of {n - 1}, "
            f"which OpenRLHF would clip to --reward.clip_range {low:g} {high:g}. Write --reward.clip_range -{n} {n}."
        )
    hub.check(settings.source)
    for key in DATA:
        for place in str(arguments[key] or "").split(","):
            if place.endswith(FILES) and "://" not in place and not Path(place).expanduser().exists():
                raise UserError(
                    f"--{key} {place}: there is no such file. To make a data set of the papers, type dqo-verl prepare NAME."
                )


def own_gpus(settings: Settings) -> int:
    """How many GPUs our models reserve for themselves."""
    source = settings.source
    return source.actors if isinstance(source, Model) and isinstance(source.placement, Gpu) else 0


def gpus_of_openrlhf(arguments: Mapping[str, Any]) -> int:
    """How many GPUs OpenRLHF's actors reserve; actors that share GPUs count once."""

    def of(role: str) -> int:
        return int(arguments[f"{role}.num_nodes"] * arguments[f"{role}.num_gpus_per_node"])

    rollout = (arguments["vllm.num_engines"] or 0) * arguments["vllm.tensor_parallel_size"]
    if arguments["train.colocate_all"]:
        return of("actor") + (rollout if arguments["train.async_enable"] else 0)
    needed = of("actor") + rollout
    if arguments["algo.kl.init_coef"] > 0 and not arguments["train.colocate_actor_ref"]:
        needed += of("ref")
    has_critic = arguments["algo.advantage.estimator"] == "gae"
    has_reward_model = not (arguments["reward.remote_url"] or arguments["train.agent_func_path"])
    if has_critic:
        needed += of("critic")
    if has_reward_model and not (has_critic and arguments["train.colocate_critic_reward"]):
        needed += of("reward")
    return needed


def first_lines(arguments: Mapping[str, Any], settings: Settings, openrlhf: OpenRLHF) -> str:
    trainer = Trainer(
        responses=arguments["rollout.n_samples_per_prompt"],
        responses_setting="--rollout.n_samples_per_prompt",
        compares_within=settings.base in WITHIN_GROUPS,
        divides_by_std={"group_norm": True, "dr_grpo": False, "rloo": False}.get(settings.base),
        without_std=OPENRLHF("base", BASE) if settings.method in METHODS else f"{ESTIMATOR} {BASE}",
    )
    lines = announcement(settings, trainer)
    if arguments["algo.dynamic_filtering_enable"] and settings.rewards_diversity:
        lines.append(
            f"{PREFIX} note: dynamic filtering drops groups by their scores before dqo_verl sees them, so a group with only "
            "right answers gets no bonus."
        )
    if openrlhf.is_untested:
        lines.append(
            f"{PREFIX} note: OpenRLHF {openrlhf.version} is newer than {TESTED}, the newest one that dqo_verl was tested with."
        )
    return "\n".join(lines)
