"""Real runs: `python -m verl.trainer.main_ppo`, or another trainer of verl's, with Ray, FSDP2 and vLLM on CPUs, a tiny policy, a few steps."""

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from dqo_verl.integrations.cpu import fork_server

LIMIT = 600  # seconds; an ordinary run takes 60 to 120 on two cores of its own
SIZES = [
    "trainer.device=cpu",
    "trainer.n_gpus_per_node=1",
    "trainer.nnodes=1",
    "data.train_batch_size=8",
    "data.max_prompt_length=64",
    "data.max_response_length=24",
    "data.dataloader_num_workers=0",
    "data.val_max_samples=4",
    "actor_rollout_ref.model.enable_gradient_checkpointing=False",
    "actor_rollout_ref.actor.optim.lr=1e-3",
    "actor_rollout_ref.actor.ppo_mini_batch_size=8",
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=32",
    "actor_rollout_ref.rollout.name=vllm",
    "actor_rollout_ref.rollout.n=4",
    "actor_rollout_ref.rollout.tensor_model_parallel_size=1",
    "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=32",
    "actor_rollout_ref.rollout.max_model_len=96",
    "actor_rollout_ref.rollout.max_num_seqs=32",
    "actor_rollout_ref.rollout.agent.num_workers=1",
    "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes=16",
    "critic.ppo_micro_batch_size_per_gpu=32",
    "reward.num_workers=1",
    "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
    "trainer.val_before_train=False",
    "trainer.test_freq=-1",
    "trainer.save_freq=-1",
    "trainer.total_epochs=100",
    "trainer.logger=[console,file,tensorboard]",
]
STEP = re.compile(r"step:(\d+) - ")


class Run:
    """A training process; its output goes to `directory/train.log`, its metrics to a jsonl file."""

    def __init__(self, python: str, directory: Path, assets: Path, overrides: list[str], module: str, variables: dict):
        directory.mkdir(exist_ok=True)
        self.directory, self.log = directory, directory / f"train-{len(list(directory.glob('*.log')))}.log"
        self.metrics_file = self.log.with_suffix(".jsonl")
        paths = [
            f"data.train_files={assets}/train.parquet",
            f"data.val_files={assets}/test.parquet",
            f"actor_rollout_ref.model.path={assets}/policy",
            f"critic.model.path={assets}/policy",
            f"critic.model.tokenizer_path={assets}/policy",
            f"reward.custom_reward_function.path={Path(__file__).parent}/digit_reward.py",
            f"trainer.default_local_dir={directory}/checkpoints",
            f"hydra.run.dir={directory}/hydra",
        ]
        environment = os.environ | {
            "VERL_FILE_LOGGER_PATH": str(self.metrics_file),
            "TENSORBOARD_DIR": str(directory / "tensorboard"),
            "RAY_USAGE_STATS_ENABLED": "0",
            fork_server.PYTHON: python,
            **variables,
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [python, "-m", module, *SIZES, *paths, *overrides],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=directory,
                start_new_session=True,
            )
        self.deadline = time.monotonic() + LIMIT

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for_step(self, step: int) -> None:
        self._wait_until(lambda text: any(int(found) >= step for found in STEP.findall(text)), f"step {step}")

    def wait_for(self, message: str) -> None:
        self._wait_until(lambda text: message in text, repr(message))

    def _wait_until(self, came: Callable[[str], bool], what: str) -> None:
        while not came(self.text()):
            assert self.process.poll() is None, f"the run ended before {what}:\n{self.text()[-4000:]}"
            assert time.monotonic() < self.deadline, f"no {what} within {LIMIT} s:\n{self.text()[-4000:]}"
            time.sleep(0.2)

    def finish(self) -> int:
        try:
            return self.process.wait(max(1.0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pytest.fail(f"the run hangs:\n{self.text()[-4000:]}")

    def family(self) -> list[psutil.Process]:
        """All of its processes, wherever they descend from: they work in its directory."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd() == str(self.directory):
                    found.append(process)
        return found

    def stop(self) -> None:
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def steps(self) -> dict[int, dict[str, float]]:
        """Metrics of each training step."""
        records = [json.loads(line) for line in self.metrics_file.read_text().splitlines()]
        return {record["step"]: record["data"] for record in records if "timing_s/step" in record["data"]}


@pytest.fixture(scope="session")
def assets(tmp_path_factory):
    from experiments.tiny import policy as tiny

    directory = tmp_path_factory.mktemp("tiny")
    tiny.build(directory, steps=40)
    return directory


@pytest.fixture
def start(assets, quick_python):
    """`start(directory, *overrides)` -> Run; whatever is left of it dies with the test."""
    runs = []

    def begin(directory, *overrides, module="verl.trainer.main_ppo", **variables) -> Run:
        runs.append(Run(quick_python, directory, assets, list(overrides), module, variables))
        return runs[-1]

    yield begin
    for run in runs:
        run.stop()
