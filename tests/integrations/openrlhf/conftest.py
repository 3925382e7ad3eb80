"""OpenRLHF's real classes and a real feature worker; only the models of the engine are left out. Needs OpenRLHF's own environment:
bash tests/run.sh openrlhf."""

import argparse
import itertools
import random
import time
from types import SimpleNamespace

import pytest
import torch

from dqo_verl.integrations.openrlhf.rollout import KEY
from dqo_verl.streaming.service import name_of

# the first two say the same
TEXTS = [
    ["4 + 5 = 9", "4 + 5 = 9", "There are 9 apples in all.", "Count on from 5: 5 + 4 = 8."],
    ["The answer is 12.", "3 * 4 = 12", "", "Four threes are 12."],
]
REWARDS = [[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]]
BASIC = [
    "--rollout.n_samples_per_prompt=4",
    "--rollout.micro_batch_size=3",
    "--rollout.batch_size=2",
    "--rollout.max_new_tokens=32",
    "--reward.remote_url=f.py",
    "--train.device=cpu",
]


@pytest.fixture(scope="session")
def tokenizer():
    from experiments.tiny.policy import build_tokenizer

    return build_tokenizer(random.Random(0))


@pytest.fixture(scope="session")
def hooked():
    """In this process, as in a worker of Ray's."""
    from dqo_verl.integrations.openrlhf import hooks
    from dqo_verl.integrations.openrlhf.cpu import platform

    platform.use()
    hooks.set_up_worker()


@pytest.fixture(scope="module")
def ray_cluster(hooked, quick_python):
    import ray

    ray.init(
        "local", num_cpus=8, include_dashboard=False, log_to_driver=False, runtime_env={"py_executable": quick_python}
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def service(ray_cluster):
    """One worker with the packaged MiniLM, for all of these runs."""
    from dqo_verl.core.settings import parse
    from dqo_verl.streaming.service import FeatureService

    return FeatureService(parse({"method": "dqo"}).source)


@pytest.fixture(scope="session")
def nested(hooked):
    """`nested(*words)` -> OpenRLHF's own arguments of a command line, as its actors get them."""

    def read(*words):
        from openrlhf.utils.config import hierarchize

        from dqo_verl.integrations.openrlhf.launch import checked

        command = checked([*BASIC, *words])
        found = hierarchize(argparse.Namespace(**command.arguments))
        command.complete(found)
        return found

    return read


def response(tokenizer, prompt, text, reward, tool=""):
    """What OpenRLHF's executor returns of one response; `tool`: what came back between two turns."""
    asked, said, told = (tokenizer(one, add_special_tokens=False)["input_ids"] for one in (prompt, text, tool))
    ids = asked + said + told + [tokenizer.eos_token_id]
    first = (len(asked), len(asked) + len(said))
    return {
        "prompt": prompt,
        "label": "9",
        "observation_tokens": ids,
        "action_ranges": [first, (len(ids) - 1, len(ids))],
        "reward": reward,
        "scores": reward,
        "rollout_log_probs": None,
        "truncated": False,
        "extra_logs": {} if reward is None else {"acc": reward},
    }


class Rollout:
    """OpenRLHF's generator and experience maker on `TEXTS`, up to the advantages of all responses."""

    def __init__(self, tokenizer, arguments):
        from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker
        from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator

        strategy = SimpleNamespace(args=arguments)
        self.tokenizer, self.arguments = tokenizer, arguments
        self.generator = SamplesGenerator(strategy, None, None, tokenizer, [])
        self.maker = RemoteExperienceMaker(None, None, None, None, SimpleNamespace(value=0.1), strategy, tokenizer)

    def samples(self, rewards=REWARDS, tool=""):
        found = []
        for prompt, (texts, scores) in enumerate(zip(TEXTS, rewards, strict=True)):
            for text, reward in zip(texts, scores, strict=True):
                told = response(self.tokenizer, f"question {prompt}:", text, reward, tool)
                found.append(self.generator._process_response_into_experience(told, max_len=128))
        self._wait_for([one.info[KEY][0] for one in found if KEY in one.info])
        return found

    def _wait_for(self, keys):
        """What was handed over is on its way by a handle of its own; in a training, steps lie in between."""
        import ray

        while keys and ray.get(ray.get_actor(name_of(0)).missing.remote(keys)):
            time.sleep(0.01)

    def advantages(self, samples=None, shuffled=False, dtype=None):
        """A row per response, in order: what it is trained on, what is logged about it; and the metrics."""
        samples = self.samples() if samples is None else samples
        if shuffled:
            # as dynamic batching does
            from openrlhf.trainer.ppo_utils.experience import Experience

            for i, sample in enumerate(samples):
                sample.index = [i]
            batches = [
                Experience.concat_experiences([samples[i] for i in rows], self.tokenizer.pad_token_id)
                for rows in ([7, 0, 5], [2, 3], [6, 1, 4])
            ]
        else:
            batches = self.maker.split_rollout_samples(samples)
        self._add_what_models_give(batches, dtype)
        done = self.maker.compute_advantages_and_returns(batches)
        rows = {}
        for one, row in itertools.chain.from_iterable(((one, row) for row in range(len(one.index))) for one in done):
            length = int(one.attention_mask[row].sum()) - 1
            info = {name: values[row].item() for name, values in one.info.items()}
            rows[one.index[row]] = SimpleNamespace(
                advantages=one.advantages[row, :length],
                mask=one.action_mask[row, :length],
                trained_on=one.rewards[row].item(),
                info={name: value for name, value in info.items() if not name.startswith("diversity/")},
            )
        metrics = {name: values[0].item() for name, values in done[0].info.items() if name.startswith("diversity/")}
        return [rows[i] for i in range(len(rows))], metrics

    def _add_what_models_give(self, batches, dtype):
        noise = torch.randn(len(TEXTS) * 4, 2, 128, generator=torch.Generator().manual_seed(0))
        for one in batches:
            width = one.action_mask.shape[1]
            one.kl = noise[one.index, 0, :width] * one.action_mask
            one.values = noise[one.index, 1, :width]
            one.action_log_probs = -one.kl.abs()
            one.info["kl"] = one.kl.sum(-1)
            if dtype is not None:
                # a reward model's: one tensor in both places
                one.rewards = one.info["reward"] = one.rewards.to(dtype)


@pytest.fixture
def rollout(service, nested, tokenizer, monkeypatch):
    """`rollout(*words)`: of a run that was started with these words."""
    from dqo_verl.integrations.openrlhf import update

    monkeypatch.setattr(update, "FeatureService", lambda source: service)
    return lambda *words: Rollout(tokenizer, nested(*words))
