"""What dqo_verl assumes of names in verl, vLLM and torch that are no public registry. A failure says what moved."""

import importlib.metadata
import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dqo_verl.integrations.verl.cpu import patches

SITE_PACKAGES = Path(importlib.metadata.distribution("verl").locate_file("verl")).parent


def parameters(function):
    return list(inspect.signature(inspect.unwrap(function)).parameters)


def source(module_path):
    return (SITE_PACKAGES / module_path).read_text()


def test_compute_advantage_still_takes_batch_and_metrics():
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    assert parameters(PPOTrainer._compute_advantage) == ["self", "batch", "metrics"], (
        "PPOTrainer._compute_advantage changed its arguments: integrations/verl/seam.hook_trainer wraps it"
    )
    assert parameters(PPOTrainer.init) == ["self"], "PPOTrainer.init changed: the feature service starts there"


@pytest.mark.parametrize("mode", ["sync", "colocate_async", "separate_async"])
def test_every_trainer_mode_computes_advantages_in_the_base_class(mode):
    from verl.trainer.ppo.v1 import get_trainer_cls
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    trainer = get_trainer_cls(mode)
    assert issubclass(trainer, PPOTrainer)
    for name in ("_compute_advantage", "_validate", "init", "fit"):
        assert name not in vars(trainer), (
            f"trainer_mode={mode} has a {name} of its own, which integrations/verl/seam.hook_trainer does not wrap"
        )


def test_estimators_still_get_rewards_mask_config_and_index():
    text = inspect.getsource(sys.modules["verl.trainer.ppo.ray_trainer"].compute_advantage)
    for name in ('"token_level_rewards"', '"response_mask"', '"config"', 'adv_kwargs["index"]'):
        assert name in text, f"compute_advantage no longer passes {name} to registered estimators"


def test_the_base_estimator_can_still_be_called_as_the_trainer_does():
    from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories as function

    expected = [
        "data",
        "batch_keys",
        "adv_estimator",
        "gamma",
        "lam",
        "num_repeat",
        "norm_adv_by_std_in_grpo",
        "config",
    ]
    assert parameters(function) == expected, "integrations/verl/seam.base_advantage calls it by these names"


def test_keys_are_uid_session_index_and_padding_is_tagged():
    assert 'keys.append(f"{uid}_{session_id}_{i}")' in source("verl/trainer/ppo/v1/agent_loop_tq.py"), (
        "the TransferQueue key is no longer {uid}_{session}_{index}: adapter/sessions.py parses it"
    )
    padding = source("verl/trainer/ppo/padding_utils.py")
    assert "is_padding=True" in padding, "padding rows are no longer tagged is_padding: adapter/sessions.py skips them"
    assert 'pad_keys.append(f"{pad_uid}_{local_idx}_0")' in padding, "the key of padding rows changed"


def test_config_hooks_still_fit_the_driver():
    from verl.utils.config import validate_config
    from verl.utils.device import auto_set_device

    assert parameters(validate_config) == ["config", "use_reference_policy", "use_critic"]
    assert parameters(auto_set_device) == ["config"]
    main = source("verl/trainer/main_ppo.py")
    order = [
        main.index("    auto_set_device(config)"),
        main.index("    validate_config("),
        main.index("run_ppo(config, task_runner_class=TaskRunnerV1"),
    ]
    assert order == sorted(order), "main_ppo no longer sets the device, validates, and only then starts Ray"


def test_critic_enable_decides_about_the_critic():
    from omegaconf import OmegaConf
    from verl.trainer.ppo.utils import need_critic

    config = OmegaConf.create({"critic": {"enable": True}, "algorithm": {"adv_estimator": "dqo"}})
    assert need_critic(config), "critic.enable=True no longer brings a critic: base=gae relies on it"


def test_legacy_keys_are_still_ignored_by_verl():
    from dqo_verl.integrations.verl.refusals import LEGACY

    legacy = source("verl/trainer/config/legacy_reward_impl.yaml")
    for key in LEGACY:
        top, leaf = key.split(".")[0], key.split(".")[-1]
        if top != "reward_model" or leaf in ("enable", "num_workers", "reward_manager", "path"):
            assert f"{leaf}:" in legacy, f"verl's legacy key {key} is gone: drop it from adapter/launch.LEGACY"
    assert "migrate_legacy_reward_impl" not in source("verl/trainer/main_ppo.py"), (
        "main_ppo migrates the legacy keys now: adapter/launch.LEGACY should not refuse them any more"
    )


def test_names_patched_for_the_cpu_still_exist():
    import torch.distributed.fsdp._init_utils as fsdp
    import verl.utils.distributed
    import verl.utils.model

    assert parameters(verl.utils.distributed.initialize_global_process_group_ray) == ["timeout_second", "backend"]
    assert parameters(verl.utils.model.load_valuehead_model) == [
        "local_path",
        "torch_dtype",
        "model_config",
        "trust_remote_code",
    ]
    assert 'attn_implementation="flash_attention_2"' in inspect.getsource(verl.utils.model), (
        "verl no longer hard-codes flash attention in its critic: patches._load_critic_without_flash_attention can go"
    )
    assert callable(fsdp._check_module_states_for_sync_module_states)
    assert "time.sleep(self.poll_interval)" in source("verl/trainer/ppo/v1/replay_buffer.py"), (
        "the replay buffer no longer waits poll_interval seconds: patches._look_for_responses_more_often shortens that"
    )


def test_both_ends_of_the_weights_socket_still_name_it_alike(monkeypatch):
    for end in ("vllm_rollout.py", "utils.py"):
        assert 'f"ipc:///tmp/rl-colocate-zmq-{job_id}-replica-' in source(f"verl/workers/rollout/vllm_rollout/{end}"), (
            "verl names its socket otherwise: look whether patches.own_socket is still needed"
        )
    monkeypatch.setenv(patches.RUN, "abc")
    address = patches.own_socket("ipc:///tmp/rl-colocate-zmq-01000000-replica-0-rank-0.sock")
    assert address == "ipc:///tmp/rl-colocate-zmq-abc-01000000-replica-0-rank-0.sock"


def test_a_cpu_run_sends_and_receives_weights_through_a_socket_of_its_own():
    code = """
import verl
from verl.workers.rollout.vllm_rollout.vllm_rollout import ServerAdapter
from dqo_verl.integrations.verl.cpu.vllm_worker import CpuWorkerExtension

assert hasattr(ServerAdapter.__init__, "__wrapped__"), "the sender's address is as verl made it"
receiver = object.__new__(CpuWorkerExtension)
receiver.local_rank, receiver.model_runner = 0, None
print(receiver._get_zmq_handle())
"""
    environment = os.environ | {"VERL_PLATFORM": "cpu", "VERL_ENGINE_DEVICE": "cuda", patches.RUN: "abc"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip().endswith("ipc:///tmp/rl-colocate-zmq-abc-0-replica-0-rank-0.sock"), done.stderr[-2000:]


def test_vllm_still_dispatches_linear_layers_through_the_patched_name():
    (package,) = importlib.util.find_spec("vllm").submodule_search_locations
    layers = Path(package, "model_executor/layers/utils.py").read_text()
    assert "def dispatch_cpu_unquantized_gemm(" in layers, "patches.keep_vllm_weights_loadable patches this function"
    assert "layer.cpu_linear" in layers, "vLLM's CPU linear layers no longer call layer.cpu_linear"


def test_nothing_is_patched_unless_a_cpu_run_is_asked_for():
    code = (
        "import importlib.metadata, torch, verl; from verl.plugin.platform.platform_manager import PlatformRegistry;"
        "import verl.utils.distributed as d;"
        "assert PlatformRegistry.get('cpu') is None; assert importlib.metadata.version.__module__ == 'importlib.metadata';"
        "assert d.initialize_global_process_group_ray.__module__ == 'verl.utils.distributed';"
        "assert type(torch.Tensor.pin_memory).__name__ == 'method_descriptor'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_plugin_is_refused_outside_the_supported_range(tmp_path):
    info = tmp_path / "verl-0.8.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: verl\nVersion: 0.8.0\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import verl"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "dqo_verl supports verl 0.9.0 to 0.9.1, but verl 0.8.0 is installed" in done.stderr


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_verls_own_tests_pass_with_the_plugin_installed():
    tests = SITE_PACKAGES / "tests" / "trainer" / "ppo"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tests}", str(tests)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
