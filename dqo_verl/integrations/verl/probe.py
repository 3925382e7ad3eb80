"""What dqo_verl relies on in verl beside its public registries, read from verl's sources before anything starts.

Releases keep most of it for years, so a version number says little: what has moved is named instead. `moved` reads, and imports
nothing: verl's trainers take seconds to import, and the driver needs none of them.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from packaging.version import Version

from dqo_verl.errors import UserError

OLDEST, TESTED = Version("0.9.0"), Version("0.9.1")

V1, BATCH, DRIVER = "trainer/ppo/v1/", "trainer/ppo/", "utils/"
# file of verl -> function or method -> its parameters
FUNCTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    f"{DRIVER}device.py": {"auto_set_device": ("config",)},
    f"{DRIVER}config.py": {"validate_config": ("config", "use_reference_policy", "use_critic")},
    f"{BATCH}core_algos.py": {"register_adv_est": ("name_or_enum",)},
    f"{V1}trainer_base.py": {
        "PPOTrainer.init": ("self",),
        "PPOTrainer._compute_advantage": ("self", "batch", "metrics"),
        "PPOTrainer._validate": ("self",),
        "PPOTrainer.fit": ("self", "agent_loop_manager"),
    },
    f"{V1}utils.py": {
        "compute_advantage_for_multi_trajectories": (
            "data",
            "batch_keys",
            "adv_estimator",
            "gamma",
            "lam",
            "num_repeat",
            "norm_adv_by_std_in_grpo",
            "config",
        )
    },
}
# of the trainers that hold the batch themselves
BATCH_FUNCTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    f"{BATCH}ray_trainer.py": {
        "compute_advantage": (
            "data",
            "adv_estimator",
            "gamma",
            "lam",
            "num_repeat",
            "norm_adv_by_std_in_grpo",
            "config",
        ),
        "RayPPOTrainer.init_workers": ("self",),
    },
    f"{BATCH}metric_utils.py": {"compute_data_metrics": ("batch", "use_critic")},
    f"{BATCH}rollout_corr_helper.py": {"compute_rollout_correction_and_add_to_batch": ("batch", "rollout_corr_config")},
    "experimental/separation/ray_trainer.py": {"SeparateRayPPOTrainer._init_resource_pools": ("self",)},
}
# file of verl -> text -> what it says
TEXTS: dict[str, dict[str, str]] = {
    f"{V1}agent_loop_tq.py": {'f"{uid}_{session_id}_{i}"': "the key of a row in the TransferQueue"},
    f"{V1}trainer_base.py": {
        '"uid", "response_mask", "rm_scores", "rollout_log_probs", "old_log_probs"': "the columns that advantages are made of",
        "tq.kv_batch_get(": "rows come from the TransferQueue",
    },
    f"{BATCH}padding_utils.py": {"is_padding=True": "the tag of rows that pad a batch"},
    "experimental/reward_loop/reward_manager/base.py": {
        "def assemble_rm_scores(": "what makes one reward tensor of many scores"
    },
}


@dataclass(frozen=True)
class Verl:
    """An installation of verl."""

    version: str
    package: Path

    @classmethod
    def here(cls) -> "Verl":
        import verl

        return cls(verl.__version__, Path(verl.__file__).parent)

    @property
    def is_too_old(self) -> bool:
        # a checkout of the branch calls itself 0.9.0.dev0, which counts as older than 0.9.0
        return Version(Version(self.version).base_version) < OLDEST

    @property
    def is_untested(self) -> bool:
        return Version(self.version).release > TESTED.release

    def moved(self, functions: dict[str, dict[str, tuple[str, ...]]]) -> Iterator[str]:
        """Sentences about names that are gone or take other arguments."""
        for file, expected in functions.items():
            found = self._signatures(file)
            for name, parameters in expected.items():
                if name not in found:
                    yield f"{name} is no longer in verl/{file}"
                elif found[name] != parameters:
                    yield f"verl/{file}: {name} takes ({', '.join(found[name])}), where it took ({', '.join(parameters)})"

    def lost(self) -> Iterator[str]:
        for file, texts in TEXTS.items():
            source = self._source(file)
            yield from (
                f"verl/{file} no longer has {text} ({what})" for text, what in texts.items() if text not in source
            )

    def _source(self, file: str) -> str:
        path = self.package / file
        return path.read_text() if path.is_file() else ""

    def _signatures(self, file: str) -> dict[str, tuple[str, ...]]:
        """Parameters of functions and methods, from the compiled file: `ast` fails at times beside other threads in Python 3.11.0 to 3.11.4."""
        return dict(_functions(compile(self._source(file), file, "exec", dont_inherit=True)))


def _functions(code: CodeType, prefix: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and inner.co_flags & inspect.CO_OPTIMIZED:
            yield prefix + inner.co_name, inner.co_varnames[: inner.co_argcount + inner.co_kwonlyargcount]
        elif isinstance(inner, CodeType):
            # the body of a class
            yield from _functions(inner, f"{prefix}{inner.co_name}.")


def refuse_moved(verl: Verl, is_v1: bool) -> None:
    """Before a run with diversity starts: what it needs is where it was."""
    moved = [*verl.moved(FUNCTIONS), *verl.lost()] if is_v1 else [*verl.moved(BATCH_FUNCTIONS)]
    if moved:
        raise UserError(
            f"verl {verl.version} differs from {TESTED}, which dqo_verl was tested with, where it matters: {'; '.join(moved)}. "
            f"Use a newer dqo_verl, or pip install verl=={TESTED}."
        )
