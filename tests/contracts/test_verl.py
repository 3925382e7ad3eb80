"""What dqo_verl assumes of names in verl, vLLM and torch that are no public registry. A failure says what moved."""

import importlib.metadata
import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dqo_verl.errors import UserError
from dqo_verl.integrations.verl.cpu import patches
from dqo_verl.integrations.verl.probe import BATCH_FUNCTIONS, FUNCTIONS, TEXTS, Verl, refuse_moved

SITE_PACKAGES = Path(importlib.metadata.distribution("verl").locate_file("verl")).parent


def parameters(function):
    return list(inspect.signature(inspect.unwrap(function)).parameters)


def source(module_path):
    return (SITE_PACKAGES / module_path).read_text()


def test_what_the_probe_looks_for_is_where_it_was():
    here = Verl.here()
    assert [*here.moved(FUNCTIONS), *here.moved(BATCH_FUNCTIONS), *here.lost(TEXTS)] == []


def modes():
    from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY

    return sorted(TRAINER_REGISTRY)


def test_every_trainer_mode_computes_advantages_in_the_base_class():
    from verl.trainer.ppo.v1 import PPOTrainer, get_trainer_cls

    assert {"sync", "colocate_async", "separate_async"} <= set(modes())
    for mode in modes():
        trainer = get_trainer_cls(mode)
        assert issubclass(trainer, PPOTrainer)
        for name in ("_compute_advantage", "_validate", "init", "fit"):
            assert name not in vars(trainer), (
                f"trainer_mode={mode} has a {name} of its own, which integrations/verl/seam.hook_trainer does not wrap"
            )


def test_no_trainer_that_holds_its_batch_goes_another_way():
    from verl.experimental.one_step_off_policy.ray_trainer import OneStepOffRayTrainer
    from verl.experimental.separation.ray_trainer import SeparateRayPPOTrainer

    asynchronous = source("verl/experimental/fully_async_policy/fully_async_trainer.py")
    assert "class FullyAsyncTrainer(SeparateRayPPOTrainer)" in asynchronous, "batch_seam.hook_separate hooks its base"
    for name in ("_init_resource_pools", "_fit_compute_advantage", "_fit_collect_metrics"):
        assert name in vars(SeparateRayPPOTrainer)
        assert name not in vars(OneStepOffRayTrainer), f"the one-step-off trainer has a {name} of its own"
        assert f"def {name}(" not in asynchronous or f"super().{name}(" in asynchronous, (
            f"the fully asynchronous trainer has a {name} of its own"
        )


def test_estimators_still_get_rewards_mask_config_and_index():
    from verl.trainer.ppo.v1 import utils

    # wherever it is defined
    text = inspect.getsource(inspect.unwrap(utils.compute_advantage))
    for name in ('"token_level_rewards"', '"response_mask"', '"config"', 'adv_kwargs["index"]'):
        assert name in text, f"compute_advantage no longer passes {name} to registered estimators"


def test_config_hooks_still_fit_the_driver():
    main = source("verl/trainer/main_ppo.py")
    order = [
        main.index("    auto_set_device(config)"),
        main.index("    validate_config("),
        main.index("run_ppo(config, task_runner_class=TaskRunnerV1"),
    ]
    assert order == sorted(order), "main_ppo no longer sets the device, validates, and only then starts Ray"
    for trainer in ("fully_async_policy/fully_async_main.py", "one_step_off_policy/main_ppo.py"):
        text = source(f"verl/experimental/{trainer}")
        assert text.index("    auto_set_device(config)") < text.index("    run_ppo(config"), (
            f"{trainer} no longer sets the device before it starts Ray: seam.hook_device prepares the run there"
        )


def test_a_cluster_still_has_one_transfer_queue():
    text = source("transfer_queue/interface.py")
    assert 'ray.get_actor("TransferQueueController", namespace="transfer_queue")' in text, (
        "TransferQueue finds its controller otherwise: seam.refuse_shared_queue looks for it by this name"
    )


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
            assert f"{leaf}:" in legacy, (
                f"verl's legacy key {key} is gone: drop it from integrations/verl/refusals.LEGACY"
            )
    assert "migrate_legacy_reward_impl" not in source("verl/trainer/main_ppo.py"), (
        "main_ppo migrates the legacy keys now: integrations/verl/refusals.LEGACY should not refuse them any more"
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
        "verl no longer hard-codes flash attention in its critic: integrations/verl/critic.py can go"
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


@pytest.mark.slow
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
    assert "def dispatch_cpu_unquantized_gemm(" in layers, (
        "integrations/cpu/vllm_build.keep_weights_loadable patches this function"
    )
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


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.8.0", "dqo_verl needs verl 0.9.0 or newer, but 0.8.0 is installed"),
        ("0.9.0.dev0", ""),
        ("0.9.2", ""),
        ("0.10.0.dev0", ""),
    ],
)
def test_the_version_decides_only_below_the_oldest(version, said, tmp_path):
    """As in verl itself, which hides what a plugin raises: an environment with an older verl goes on working."""
    (tmp_path / "verl").mkdir()
    (tmp_path / "verl" / "__init__.py").write_text(
        f"__version__ = {version!r}\ntry:\n    import dqo_verl.integrations.verl.plugin\nexcept Exception:\n    pass\n"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import verl; print(verl.__version__)"
    environment = os.environ | {"VERL_PLATFORM": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == version
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == bool(said), done.stderr


def test_what_has_moved_is_named(tmp_path):
    here = Verl.here()
    for file in (*FUNCTIONS, *BATCH_FUNCTIONS, *TEXTS):
        copy = tmp_path / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text((here.folder / file).read_text())
    later = Verl("0.12.0", tmp_path)
    refuse_moved(later, is_v1=True)
    assert later.is_untested
    assert not later.is_too_old
    trainer = tmp_path / "trainer/ppo/v1/trainer_base.py"
    text = trainer.read_text()
    trainer.write_text(text.replace("def _compute_advantage(self, batch", "def _compute_advantage(self, stage, batch"))
    with pytest.raises(
        UserError, match=r"PPOTrainer._compute_advantage takes \(self, stage, batch, metrics\), but dqo_verl expects"
    ):
        refuse_moved(later, is_v1=True)
    refuse_moved(later, is_v1=False)
    trainer.write_text(text.replace("tq.kv_batch_get(", "data.get("))
    with pytest.raises(UserError, match="rows come from the TransferQueue"):
        refuse_moved(later, is_v1=True)
    (tmp_path / "trainer/ppo/ray_trainer.py").unlink()
    with pytest.raises(UserError, match="compute_advantage is no longer in verl/trainer/ppo/ray_trainer"):
        refuse_moved(later, is_v1=False)


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_verls_own_tests_pass_with_the_plugin_installed():
    tests = SITE_PACKAGES / "tests" / "trainer" / "ppo"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tests}", str(tests)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_verl_is_kept_from_what_newer_trl_no_longer_has(tmp_path, monkeypatch):
    """Its monkey patch of a worker would import it where TRL is installed beside verl."""
    pytest.importorskip("trl")
    import verl  # noqa: F401  loads the plugin
    from verl.models.transformers import monkey_patch
    from verl.utils import import_utils

    from dqo_verl.integrations.verl import beside_trl

    source = inspect.getsource(monkey_patch.apply_monkey_patch)
    assert "if is_trl_available():" in source
    assert "AutoModelForCausalLMWithValueHead" in source
    assert not import_utils.is_trl_available()
    assert not monkey_patch.is_trl_available()
    (tmp_path / "trl/experimental/ppo").mkdir(parents=True)
    (tmp_path / "trl/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "trl", raising=False)
    assert beside_trl.has_value_head()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("platform", "installed", "loader"),
    [
        ("cpu", True, "dqo_verl.integrations.verl.critic"),
        ("", True, "verl.utils.model"),
        ("", False, "dqo_verl.integrations.verl.critic"),
    ],
)
def test_the_critic_is_loaded_with_flash_attention_only_where_it_works(platform, installed, loader, tmp_path):
    if installed:
        (tmp_path / "flash_attn").mkdir()
        (tmp_path / "flash_attn/__init__.py").touch()
        # transformers 5.9.0 asks which distribution the package is from
        metadata = tmp_path / "flash_attn-2.8.3.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: flash-attn\nVersion: 2.8.3\n")
        (metadata / "top_level.txt").write_text("flash_attn\n")
    code = "import verl.utils.model as m; print(m.load_valuehead_model.__module__)"
    environment = os.environ | {
        "VERL_PLATFORM": platform,
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == loader
