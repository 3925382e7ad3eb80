"""What dqo_verl relies on in OpenRLHF, read from its sources before anything starts."""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from packaging.version import Version

from dqo_verl.errors import UserError
from dqo_verl.extras import install
from dqo_verl.integrations.package import Functions, Package, Texts

OLDEST, TESTED = Version("0.11.0"), Version("0.11.2")

MAKER, SAMPLES = "trainer/ppo_utils/experience_maker.py", "trainer/ppo_utils/samples_generator.py"
COMMAND = "cli/train_ppo_ray.py"
FUNCTIONS: Functions = {
    "utils/config.py": {"hierarchize": ("args",)},
    MAKER: {
        "RemoteExperienceMaker.__init__": (
            "self",
            "actor_model_group",
            "critic_model_group",
            "reward_model_group",
            "initial_model_group",
            "kl_controller",
            "strategy",
            "tokenizer",
        ),
        "RemoteExperienceMaker.compute_advantages_and_returns": ("self", "experiences"),
    },
    SAMPLES: {
        "SamplesGenerator._process_response_into_experience": ("self", "response"),
        "SamplesGenerator.generate_eval_samples": ("self",),
    },
    "trainer/ppo_utils/length_penalty.py": {"apply_length_penalties": ("experiences", "args")},
}
TEXTS: Texts = {
    COMMAND: {
        "args = parser.parse_args()": "it builds its parser before it parses",
        "args = hierarchize(args)": "where it first reads its arguments",
        "if not ray.is_initialized():": "it starts Ray after its checks",
        "    train(args)": "it starts training last",
    },
    MAKER: {
        "apply_length_penalties(experiences, args)": "the last change of quality before rewards are compared",
        "rewards = rewards.reshape(-1, args.rollout.n_samples_per_prompt)": "a group is contiguous in the order of `index`",
        'raise Exception(f"Unkown advantage_estimator': "an unknown estimator ends the run",
    },
    "trainer/ppo_utils/length_penalty.py": {
        'experience.info["reward"] = experience.rewards.clone()': "the logged reward is a copy of the quality"
    },
    SAMPLES: {"for response in ray.get(ref)": "the responses to a prompt arrive together"},
    "trainer/ray/ppo_actor.py": {"for k, v in experience.info.items():": "it logs `Experience.info`"},
    "trainer/ppo_trainer.py": {"self.experience_maker = RemoteExperienceMaker(": "it creates the experience maker"},
}


class OpenRLHF(Package):
    """An installation of OpenRLHF."""

    name = "openrlhf"

    @classmethod
    def here(cls) -> "OpenRLHF":
        found = find_spec("openrlhf")
        if found is None or found.origin is None:
            raise UserError(f"OpenRLHF is not installed. Type: {install('openrlhf')}")
        return cls(version("openrlhf"), Path(found.origin).parent)

    @property
    def is_untested(self) -> bool:
        return Version(self.version).release > TESTED.release


def refuse_moved(openrlhf: OpenRLHF) -> None:
    """Refuse an OpenRLHF whose code has changed where dqo_verl relies on it."""
    moved = [*openrlhf.moved(FUNCTIONS), *openrlhf.lost(TEXTS)]
    if moved:
        raise UserError(
            f"OpenRLHF {openrlhf.version} differs from {TESTED}, which dqo_verl was tested with, where it matters: "
            f"{'; '.join(moved)}. Use a newer dqo_verl, or pip install openrlhf=={TESTED}."
        )
