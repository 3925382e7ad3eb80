"""Every touch of a name of OpenRLHF or Ray. Nothing heavy is imported here: this runs in every Ray worker of the run.

In the driver: `hierarchize(args)`, its first look at what was typed, and `ray.init`, which sets `set_up_worker` on every worker. In the
workers: classes that are never Ray actors. Ray copies all methods, inherited ones too, on to an actor's class when it decorates
it, and the copies of OpenRLHF's asynchronous trainer travel by value, without what was hooked; a hook on a trainer's class would
work in the synchronous one and do nothing, in silence, in the other.
"""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from wrapt import register_post_import_hook

from dqo_verl.errors import UserError
from dqo_verl.integrations.wrapping import wrap

SETUP = "worker_process_setup_hook"


def hook_driver(
    complete: Callable[[Any], None],
    before_ray: Callable[[Any, dict[str, Any]], None],
    after_ray: Callable[[], None],
) -> None:
    """`complete(args)` with OpenRLHF's nested arguments, `before_ray(args, options)` with what `ray.init` is called with, `after_ray()`."""
    seen: list[Any] = []

    def config(module: ModuleType) -> None:
        def hierarchize(original: Any, flat: Any) -> Any:
            arguments = original(flat)
            complete(arguments)
            seen.append(arguments)
            return arguments

        wrap(module, "hierarchize", hierarchize)

    def ray(module: ModuleType) -> None:
        def init(original: Any, **options: Any) -> Any:
            environment = options["runtime_env"] = dict(options.get("runtime_env") or {})
            if environment.setdefault(SETUP, f"{__name__}.set_up_worker") != f"{__name__}.set_up_worker":
                raise UserError(f"runtime_env.{SETUP} is taken, and dqo_verl needs it for its own.")
            before_ray(seen[-1], options)
            context = original(**options)
            after_ray()
            return context

        wrap(module, "init", init)

    register_post_import_hook(config, "openrlhf.utils.config")
    register_post_import_hook(ray, "ray")


def set_up_worker() -> None:
    """Ray calls this in each worker before anything else."""
    from dqo_verl.integrations.openrlhf.cpu import platform

    if platform.is_asked_for():
        platform.activate()
    hook_trainer()


def hook_trainer() -> None:
    register_post_import_hook(_maker, "openrlhf.trainer.ppo_utils.experience_maker")
    register_post_import_hook(_generator, "openrlhf.trainer.ppo_utils.samples_generator")


def _maker(module: ModuleType) -> None:
    wrap(module, "RemoteExperienceMaker.__init__", _later("update", "start"))
    wrap(module, "RemoteExperienceMaker.compute_advantages_and_returns", _later("update", "advantages"))
    wrap(module, "apply_length_penalties", _later("update", "after_penalties"))


def _generator(module: ModuleType) -> None:
    wrap(module, "SamplesGenerator._process_response_into_experience", _later("rollout", "hand_over"))
    wrap(module, "SamplesGenerator.generate_eval_samples", _later("rollout", "evaluate"))


def _later(file: str, name: str) -> Callable[..., Any]:
    """What OpenRLHF's own process imports when it gets there."""

    def around(*args: Any, **kwargs: Any) -> Any:
        return getattr(importlib.import_module(f"dqo_verl.integrations.openrlhf.{file}"), name)(*args, **kwargs)

    return around
