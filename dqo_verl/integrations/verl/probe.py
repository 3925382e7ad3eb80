"""The functions and source lines of verl that dqo_verl relies on, looked up in verl's sources before anything starts."""

from pathlib import Path

from packaging.version import Version

from dqo_verl.errors import UserError
from dqo_verl.integrations.package import Functions, Package, Texts

OLDEST, TESTED = Version("0.9.0"), Version("0.9.1")

# "?": what upstream/verl/0004-estimator_fields.patch adds
V1, BATCH, DRIVER = "trainer/ppo/v1/", "trainer/ppo/", "utils/"
FUNCTIONS: Functions = {
    f"{DRIVER}device.py": {"auto_set_device": ("config",)},
    f"{DRIVER}config.py": {"validate_config": ("config", "use_reference_policy", "use_critic")},
    f"{BATCH}core_algos.py": {"register_adv_est": ("name_or_enum", "extra_fields?")},
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
            "metrics?",
            "kv_meta?",
        )
    },
}
# of the trainers that hold the batch themselves
BATCH_FUNCTIONS: Functions = {
    f"{BATCH}ray_trainer.py": {
        "compute_advantage": (
            "data",
            "adv_estimator",
            "gamma",
            "lam",
            "num_repeat",
            "norm_adv_by_std_in_grpo",
            "config",
            "metrics?",
            "kv_meta?",
        ),
        "RayPPOTrainer.init_workers": ("self",),
    },
    f"{BATCH}metric_utils.py": {"compute_data_metrics": ("batch", "use_critic")},
    f"{BATCH}rollout_corr_helper.py": {"compute_rollout_correction_and_add_to_batch": ("batch", "rollout_corr_config")},
    "experimental/separation/ray_trainer.py": {"SeparateRayPPOTrainer._init_resource_pools": ("self",)},
}
TEXTS: Texts = {
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


class Verl(Package):
    """An installation of verl."""

    name = "verl"

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


def refuse_moved(verl: Verl, is_v1: bool) -> None:
    """Refuse a run with diversity if something that it needs has moved in this verl."""
    moved = [*verl.moved(FUNCTIONS), *verl.lost(TEXTS)] if is_v1 else [*verl.moved(BATCH_FUNCTIONS)]
    if moved:
        raise UserError(
            f"verl {verl.version} differs from {TESTED}, which dqo_verl was tested with, where it matters: {'; '.join(moved)}. "
            f"Use a newer dqo_verl, or pip install verl=={TESTED}."
        )
