"""`with_diversity(GRPOTrainer)`: the trainer, with diversity in its rewards or advantages.

It extends two methods of TRL and replaces nothing: `_calculate_rewards`, which returns the table of all rewards of all
processes, and `_generate_and_score_completions`, which turns the table into advantages. So every kind of reward works
(functions, asynchronous ones, reward models, environments), each keeps its own column and mean in the log, and diversity is one
more column. In evaluation that column is 0, so the reward is the quality.
"""

from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.target import target_of
from dqo_verl.errors import UserError
from dqo_verl.integrations.trl import checks
from dqo_verl.integrations.trl.diversity import Diversity
from dqo_verl.integrations.trl.features import BatchFeatures, all_processes
from dqo_verl.integrations.trl.probe import refuse_moved
from dqo_verl.integrations.trl.shaping import said, shape_batch
from dqo_verl.integrations.trl.target import kept_in_checkpoints

COLUMN = "diversity"


def with_diversity(trainer_class: type) -> type:
    """GRPOTrainer, RLOOTrainer or a subclass of either, with one more argument: `diversity=Diversity(...)`."""
    refuse_moved(trainer_class)
    return type(
        f"Diverse{trainer_class.__name__}", (_WithDiversity, trainer_class), {"diversity_base": trainer_class.__name__}
    )


class _WithDiversity:
    """A mixin before the trainer's class. Names of all that it adds start with `diversity`."""

    # the trainer's name
    diversity_base: str

    def __init__(self, *args: Any, diversity: Diversity, **kwargs: Any):
        if not isinstance(diversity, Diversity):
            raise UserError(f"diversity={diversity!r} is not a Diversity. Write diversity=Diversity('dqo', alpha=1.0).")
        settings = self.diversity = diversity.on(self.diversity_base)
        # before models are loaded, if the config is given
        for given in (*args, *kwargs.values()):
            if hasattr(given, "num_generations"):
                checks.refuse(given, settings)
        self.diversity_features = BatchFeatures(settings, all_processes())
        super().__init__(*args, **kwargs)
        checks.refuse(self.args, settings)
        # the factor of the advantages, and what is added after it
        self.diversity_in_advantage: tuple[Tensor, Tensor] | None = None
        self.diversity_has_column = settings.changes_reward
        if self.diversity_has_column:
            if COLUMN in self.reward_func_names:
                raise UserError(
                    f"A reward function is called {COLUMN}, like the column that dqo_verl adds. Rename the function."
                )
            # new lists, because the trainer has those of the user
            self.reward_funcs = [*self.reward_funcs, _unknown_yet]
            self.reward_func_names = [*self.reward_func_names, COLUMN]
            self.reward_processing_classes = [*self.reward_processing_classes, None]
            self.reward_weights = torch.cat([self.reward_weights, torch.ones(1)])
        self.diversity_target = target_of(settings)
        if self.diversity_target:
            self.add_callback(kept_in_checkpoints(self.diversity_target))
        if self.accelerator.is_main_process:
            print(checks.first_lines(self.args, settings), flush=True)

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        table: Tensor = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self.diversity_scored = len(prompts)
        self.diversity_in_advantage = None
        if self.diversity.reads_nothing:
            return table
        own = table[:, :-1] if self.diversity_has_column else table
        quality = (own * self.reward_weights.to(own.device)[: own.shape[1]]).nansum(dim=1)
        quality[own.isnan().all(dim=1)] = torch.nan
        mode, group_size = (
            ("train", self.num_generations) if self.model.training else ("eval", self.num_generations_eval)
        )
        texts = self.diversity_features.processes.gather([said(completion) for completion in completions])
        settings = self.diversity_target.settings if self.diversity_target else self.diversity
        target = self.diversity_target if mode == "train" else None
        shaped = shape_batch(quality.cpu(), texts, group_size, self.diversity_features, settings, target)
        for name, value in shaped.metrics.items():
            self._metrics[mode][name].append(value)
        if self.diversity_has_column:
            added = shaped.to_reward.to(table) if mode == "train" else torch.zeros_like(quality)
            table[:, -1] = torch.where(quality.isnan(), quality, added)
        if mode == "train" and self.diversity.changes_advantage:
            self.diversity_in_advantage = shaped.factor.to(table), shaped.to_advantage.to(table)
        return table

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        self.diversity_scored = 0
        output = super()._generate_and_score_completions(inputs)
        own = len(output["advantages"])
        if own != self.diversity_scored:
            raise UserError(
                f"{self.diversity_base} returned {own} advantages, but TRL's _calculate_rewards was asked about {self.diversity_scored} "
                "responses. with_diversity needs a trainer whose _generate_and_score_completions calls TRL's own and keeps its "
                "rows. Use DiverseReward, which works in any trainer."
            )
        if self.diversity_in_advantage is not None:
            factor, added = self.diversity_in_advantage
            start = self.accelerator.process_index * own
            mine = slice(start, start + own)
            output["advantages"] = output["advantages"] * factor[mine] + added[mine]
            # the log of completions has the latest ones of all processes
            logged = self._logs["advantages"]
            for place in range(1, min(len(added), len(logged)) + 1):
                logged[-place] = logged[-place] * factor[-place].item() + added[-place].item()
        return output


def _unknown_yet(completions: list[Any], **_: Any) -> list[None]:
    """A placeholder in the table, filled in when all other rewards are known. None counts as unscored, also in TRL's warning."""
    return [None] * len(completions)
