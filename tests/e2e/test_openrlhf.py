"""Real runs of OpenRLHF: `python -m dqo_verl.openrlhf`, with Ray, DeepSpeed and vLLM on CPUs, a tiny policy, a few steps. Needs OpenRLHF's own
environment: bash tests/run.sh openrlhf."""

import json
import os
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dqo_verl.integrations.cpu import fork_server
from dqo_verl.integrations.target_file import NAME

pytestmark = [pytest.mark.openrlhf, pytest.mark.e2e, pytest.mark.timeout(1200)]

LIMIT = 500
N = 4
SIZES = [
    "--train.device=cpu",
    *(
        f"--{role}.{what}=1"
        for role in ("actor", "ref", "reward", "critic")
        for what in ("num_nodes", "num_gpus_per_node")
    ),
    "--vllm.num_engines=1",
    "--data.input_key=prompt",
    "--data.label_key=reward_model",
    "--data.apply_chat_template",
    "--data.max_len=96",
    "--rollout.max_new_tokens=32",
    "--rollout.batch_size=4",
    f"--rollout.n_samples_per_prompt={N}",
    "--rollout.micro_batch_size=8",
    f"--train.batch_size={4 * N}",
    "--train.micro_batch_size=8",
    "--actor.adam.lr=1e-3",
]
AGENT = """
import torch
from openrlhf.utils.agent import AgentInstanceBase, MultiTurnAgentExecutor

class Instance(AgentInstanceBase):
    def __init__(self):
        self.turns = 0

    async def reset(self, states, **_):
        return states

    async def step(self, states, **_):
        self.turns += 1
        return {
            "rewards": torch.tensor(float("9" in states["action_text"])),
            "environment_feedback": " the tool says: " + "sunny " * self.turns,
            "done": self.turns == 2,
            "sampling_params": states["sampling_params"],
        }

class AgentExecutor(MultiTurnAgentExecutor):
    def __init__(self):
        super().__init__(Instance)
"""


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    from experiments.tiny import judges, policy

    folder = tmp_path_factory.mktemp("tiny")
    policy.build(folder, steps=250)
    judges.build(folder, steps=2)
    return folder


@pytest.fixture
def train(assets, tmp_path, quick_python):
    """`train(*flags)` -> its output and its metrics, name -> step -> value. Whatever is left of it when it takes too long is ended."""

    def run(*flags, fails=False):
        paths = [
            f"--actor.model_name_or_path={assets}/policy",
            f"--data.prompt_dataset={assets}/train.parquet",
            f"--ckpt.output_dir={tmp_path}/policy",
            f"--ckpt.path={tmp_path}/checkpoints",
            f"--logger.tensorboard_dir={tmp_path}/tensorboard",
            "--logger.wandb.run_name=run",
        ]
        environment = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", fork_server.PYTHON: quick_python}
        process = subprocess.Popen(
            [quick_python, "-m", "dqo_verl.openrlhf", *SIZES, *paths, *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | environment,
            cwd=tmp_path,
            start_new_session=True,
        )
        ender = threading.Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
        ender.start()
        said, _ = process.communicate()
        ender.cancel()
        assert bool(process.returncode) == fails, said[-6000:]
        return said, logged(tmp_path / "tensorboard/run")

    return run


def logged(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not folder.exists():
        return {}
    events = EventAccumulator(str(folder)).Reload()
    return {name: {one.step: one.value for one in events.Scalars(name)} for name in events.Tags()["scalars"]}


def test_synchronous_with_all_that_quality_goes_through_and_resumed(train, assets, tmp_path):
    """A target, KL in the reward, dynamic filtering, evaluation, checkpoints."""
    flags = (
        "--algo.advantage.estimator=diverse",
        "--algo.diversity.target=0.8",
        "--reward.remote_url=pkg://dqo_verl.rewards.gsm8k",
        "--algo.kl.init_coef=0.01",
        "--algo.dynamic_filtering_enable",
        f"--eval.dataset={assets}/test.parquet",
        "--eval.steps=2",
        "--eval.n_samples_per_prompt=2",
        "--ckpt.save_steps=2",
        "--ckpt.load_enable",
    )
    said, metrics = train(*flags, "--data.max_samples=40")
    steps = metrics["train/diversity/score/mean"]
    assert len(steps) >= 2
    assert "Filtered out: avg_reward=" in said
    assert metrics["train/reward"] == metrics["train/acc"], "quality alone is logged"
    counts = metrics["train/rollout/num_samples"]
    right = [mean * counts[step] for step, mean in metrics["train/rollout/reward_mean"].items()]
    assert right == pytest.approx([round(number) for number in right], abs=1e-3)
    assert all(metrics["train/diversity/bonus/max"].values())
    assert set(metrics["train/diversity/streamed/frac"].values()) == {1.0}
    assert "eval/eval_default_pass1" in metrics
    assert {name for name in metrics if name.startswith("train/timing/") and "diversity" in name} == set()
    kept = [json.loads(line) for line in (tmp_path / "checkpoints" / NAME).read_text().splitlines()]
    # a rest of a batch is an update that OpenRLHF logs, and does not train
    assert [line["step"] for line in kept] == sorted(counts)
    saved = max(
        int(name.name.removeprefix("global_step")) for name in (tmp_path / "checkpoints/_actor").glob("global_step*")
    )
    # the episode goes on behind the prompts that were seen
    said, _ = train(*flags, "--data.max_samples=72")
    assert f"its value after step {saved}" in said
    lines = [json.loads(line) for line in (tmp_path / "checkpoints" / NAME).read_text().splitlines()]
    assert lines[len(kept)]["step"] == saved + 1


class Judge(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        scores = [float(query.count("9")) for query in asked["query"]]
        told = json.dumps(
            {"rewards": scores[0], "scores": min(scores[0], 1.0), "extra_logs": {"nines": scores[0]}}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        pass


def test_asynchronous_with_a_queue_partial_rollouts_a_classifier_and_a_reward_server(
    train, assets, tmp_path, monkeypatch
):
    # its file is written all the same
    monkeypatch.setenv("WANDB_MODE", "offline")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Judge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said, metrics = train(
        "--algo.advantage.estimator=darling",
        f"--algo.diversity.classifier={assets}/classifier",
        f"--reward.remote_url=http://127.0.0.1:{server.server_address[1]}",
        "--algo.kl.init_coef=0",
        "--train.async_enable",
        "--train.async_queue_size=2",
        "--train.partial_rollout_enable",
        f"--eval.dataset={assets}/test.parquet",
        "--eval.steps=2",
        "--data.max_samples=16",
        "--logger.wandb.key=none",
    )
    server.shutdown()
    assert len(metrics["train/diversity/classes/mean"]) == 4
    assert metrics["train/reward"] == metrics["train/nines"]
    assert set(metrics["train/diversity/streamed/frac"].values()) == {1.0}
    assert "eval/eval_default_pass1" in metrics
    assert "same above" in said, "the classifier says its threshold"
    (file,) = tmp_path.rglob("run-*.wandb")
    assert b"train/diversity/classes/mean" in file.read_bytes()


def test_ppo_with_a_critic_and_a_reward_model(train, assets):
    _, metrics = train(
        "--algo.advantage.estimator=dqo",
        "--algo.diversity.base=gae",
        f"--reward.model_name_or_path={assets}/reward_model",
        "--reward.clip_range",
        "-100",
        "100",
        "--algo.kl.init_coef=0.01",
        "--data.max_samples=8",
    )
    assert len(metrics["train/critic_loss"]) == 2
    assert metrics["train/reward"] == pytest.approx(metrics["train/rollout/reward_mean"], abs=1e-4)
    assert all(0 < value < 0.7 for value in metrics["train/diversity/bonus/mean"].values())


def test_an_agent_of_several_turns(train, tmp_path):
    (tmp_path / "agent.py").write_text(AGENT)
    _, metrics = train(
        "--algo.advantage.estimator=rloo",
        "--reward.diversity=dpp",
        "--algo.diversity.scale=decoupled",
        f"--train.agent_func_path={tmp_path}/agent.py",
        "--data.max_len=160",
        "--algo.kl.init_coef=0",
        "--data.max_samples=8",
    )
    assert len(metrics["train/diversity/score/mean"]) == 2
    assert set(metrics["train/diversity/streamed/frac"].values()) == {1.0}


def test_a_reward_function_that_raises_ends_the_run_with_a_sentence(train, tmp_path):
    (tmp_path / "broken.py").write_text(
        "def reward_func(queries, prompts, labels):\n    raise KeyError('no such column')\n"
    )
    said, _ = train(
        "--algo.advantage.estimator=dqo",
        f"--reward.remote_url={tmp_path}/broken.py",
        "--algo.kl.init_coef=0",
        fails=True,
    )
    assert "no such column" in said
    assert "RuntimeError: The reward function returned nothing for a response" in said


def test_as_a_job_that_is_submitted_to_a_cluster(train, assets, tmp_path, quick_python, monkeypatch):
    """`ray job submit -- python -m dqo_verl.openrlhf ...`: what it does is to set these two variables for the driver."""
    import ray

    ray.init("local", num_cpus=32, num_gpus=3, include_dashboard=False, log_to_driver=False)
    try:
        monkeypatch.setenv("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
        monkeypatch.setenv(
            "RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps({"runtime_env": {"env_vars": {"SUBMITTED": "yes"}}})
        )
        (tmp_path / "rewards.py").write_text(
            "import os\ndef reward_func(queries, prompts, labels):\n"
            "    return {'rewards': float(os.environ['SUBMITTED'] == 'yes'), 'scores': 1.0, 'extra_logs': {}}\n"
        )
        _, metrics = train(
            "--algo.advantage.estimator=dqo",
            f"--reward.remote_url={tmp_path}/rewards.py",
            "--algo.kl.init_coef=0",
            "--data.max_samples=4",
        )
    finally:
        ray.shutdown()
    assert metrics["train/reward"] == {1: 1.0}
    assert metrics["train/diversity/streamed/frac"] == {1: 1.0}
