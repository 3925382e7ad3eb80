"""Checks the TRL code that dqo_verl relies on, before anything runs: after a change in TRL, no run trains without diversity."""

import inspect
from importlib.metadata import version
from typing import Any

from dqo_verl.errors import UserError

# method -> its parameters after `self`
METHODS = {
    "_calculate_rewards": ("inputs", "prompts", "completions", "completion_ids_list"),
    "_generate_and_score_completions": ("inputs",),
}
# what the source of TRL's own method must contain: (method, text, what the text does)
TEXTS = (
    (
        "_generate_and_score_completions",
        "self._calculate_rewards(inputs, prompts, completions, completion_ids_list)",
        "asks for the table of rewards",
    ),
    ("_generate_and_score_completions", '"advantages": advantages', "returns the advantages of this process"),
    (
        "_generate_and_score_completions",
        "rewards_per_func * self.reward_weights.to(device)",
        "weights the columns of the table",
    ),
    (
        "_generate_and_score_completions",
        'self._logs["advantages"].extend(all_process_advantages.tolist())',
        "logs the advantages of all processes",
    ),
    ("_generate_and_score_completions", ".view(-1, num_generations)", "treats neighbouring rows as a group"),
    ("_calculate_rewards", "gather(rewards_per_func)", "gathers the table over the processes"),
)


def moved(trainer_class: type) -> list[str]:
    """A sentence for each change in TRL that dqo_verl cannot work with."""
    found = []
    for name, parameters in METHODS.items():
        method = getattr(trainer_class, name, None)
        if method is None:
            found.append(f"it has no {name}")
        elif tuple(inspect.signature(method).parameters)[1:] != parameters:
            found.append(f"{name} takes {inspect.signature(method)}")
    if found:
        return found
    return [
        f"{name} no longer {what} ({text})" for name, text, what in TEXTS if text not in _source(trainer_class, name)
    ]


def refuse_moved(trainer_class: type) -> None:
    changes = moved(trainer_class)
    if changes:
        raise UserError(
            f"with_diversity({trainer_class.__name__}) does not work with {trainer_class.__module__} (trl {version('trl')}): "
            f"{'; '.join(changes)}. Use TRL's GRPOTrainer, RLOOTrainer or a subclass, or DiverseReward, which works in any "
            "trainer."
        )


def _source(trainer_class: type, method: str) -> str:
    """The source of TRL's own method, which a subclass may extend and call."""
    own: Any = next(vars(kind)[method] for kind in reversed(trainer_class.__mro__) if method in vars(kind))
    return inspect.getsource(inspect.unwrap(own))
