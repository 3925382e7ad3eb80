"""All hooks in OpenRLHF and Ray. This module imports nothing heavy, because it runs in every Ray worker of the run.

In the driver it hooks `hierarchize(args)`, where OpenRLHF first reads its arguments, and `ray.init`, so that every worker runs
`set_up_worker`. In the workers it hooks only classes that are never Ray actors. When Ray decorates an actor's class, it copies
all methods, inherited ones too, and pickles the copies of OpenRLHF's asynchronous trainer by value, without our hooks: a hook
on a trainer's class would work in the synchronous trainer and silently do nothing in the asynchronous one.
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
    """Call `complete` with OpenRLHF's nested arguments, `before_ray` with these and `ray.init`'s options, and `after_ray`."""
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
                raise UserError(
                    f"runtime_env.{SETUP}={environment[SETUP]!r}: dqo_verl sets this option itself. Leave it out."
                )
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
    """A hook that imports our code only when OpenRLHF calls the hooked method."""

    def around(*args: Any, **kwargs: Any) -> Any:
        return getattr(importlib.import_module(f"dqo_verl.integrations.openrlhf.{file}"), name)(*args, **kwargs)

    return around
