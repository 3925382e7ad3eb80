"""Before Ray starts: read what the user typed, refuse what cannot work, say what will run, and leave hooks behind for OpenRLHF's command."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NoReturn

from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import Settings
from dqo_verl.errors import UserError
from dqo_verl.integrations.openrlhf import hooks
from dqo_verl.integrations.openrlhf.cpu import platform
from dqo_verl.integrations.openrlhf.parser import arguments, bases, parser_of
from dqo_verl.integrations.openrlhf.probe import OpenRLHF, refuse_moved
from dqo_verl.integrations.openrlhf.refusals import first_lines, gpus_of_openrlhf, own_gpus, refuse
from dqo_verl.integrations.openrlhf.reward_file import as_file
from dqo_verl.integrations.openrlhf.typed import OPENRLHF, Typed, resolve, take_apart, with_base

# set for a command that is to be checked and not run
CHECK = "DQO_VERL_CHECK"


@dataclass(frozen=True)
class Command:
    """What was typed, checked and completed."""

    # for OpenRLHF
    words: list[str]
    # what it will read in them, by dotted names
    arguments: dict[str, Any]
    settings: Settings | None
    on_cpu: bool

    def complete(self, nested: Any) -> None:
        """OpenRLHF's own arguments, which it prints, logs and sends to every actor."""
        if self.settings is not None:
            nested.algo.diversity = SimpleNamespace(**self.settings.flat())

    def before_ray(self, nested: Any, options: dict[str, Any]) -> None:
        if self.settings is not None:
            # A name that OpenRLHF refuses. In a worker with our hooks the base takes its place; without them the run ends there.
            method = self.settings.method
            nested.algo.advantage.estimator = method if method in METHODS else f"{self.settings.base} with {method}"
        if self.on_cpu:
            platform.configure(options, gpus_of_openrlhf(self.arguments))

    def after_ray(self) -> None:
        if self.settings is not None and own_gpus(self.settings):
            _check_room(gpus_of_openrlhf(self.arguments), own_gpus(self.settings))


def prepare(words: Sequence[str]) -> list[str]:
    """The command line that OpenRLHF is to see. Without a word of ours it is the one that was typed."""
    command = checked(words)
    if command.on_cpu:
        platform.use()
    if command.settings is not None or command.on_cpu:
        hooks.hook_driver(command.complete, command.before_ray, command.after_ray)
    return command.words


def checked(words: Sequence[str]) -> Command:
    openrlhf = OpenRLHF.here()
    refuse_moved(openrlhf)
    typed = take_apart(words)
    on_cpu = typed.device == "cpu"
    rest = as_file([*typed.rest, *(platform.REQUIRED if on_cpu else ())])
    parser = parser_of(openrlhf)
    found = arguments(parser, rest, openrlhf.version)
    settings = resolve(found["algo.advantage.estimator"], typed, bases(parser))
    if settings is not None:
        found["algo.advantage.estimator"] = settings.base
        refuse(found, settings)
        print(first_lines(found, settings, openrlhf), flush=True)
    if on_cpu:
        platform.refuse(found)
    if os.environ.get(CHECK):
        _stop(typed, settings)
    return Command(with_base(rest, found["algo.advantage.estimator"]), found, settings, on_cpu)


def _stop(typed: Typed, settings: Settings | None) -> NoReturn:
    """`DQO_VERL_CHECK=1`: every check, what would run and where it comes from; nothing is started."""
    if settings is None:
        print("nothing of dqo_verl takes part in this run.")
    else:
        preset = METHODS.get(settings.method, {})
        rows = [("what is in force", "where it comes from")]
        for key, value in settings.flat().items():
            is_typed = key == "method" or key in typed.settings or (key == "measure" and typed.measure is not None)
            origin = "typed" if is_typed else f"preset of {settings.method}" if key in preset else "default"
            rows.append((OPENRLHF(key, "null" if value is None else value), origin))
        width = max(len(setting) for setting, _ in rows)
        print("\n".join(f"  {setting:{width}}  {origin}" for setting, origin in rows))
    print("All checks passed, and nothing was started.", flush=True)
    raise SystemExit(0)


def _check_room(openrlhf: int, own: int) -> None:
    """Before anything is placed: OpenRLHF's actors come first, and ours would wait for a GPU that nobody gives back."""
    import ray

    have = int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
    if openrlhf + own > have:
        raise UserError(
            f"dqo_verl needs {own} of the GPUs for its models alone (--algo.diversity.placement gpu), and OpenRLHF takes "
            f"{openrlhf}, but Ray has {have}. Leave them free, or place the models elsewhere: --algo.diversity.placement cpu, or "
            "shared (beside the trainer, with room: --vllm.gpu_memory_utilization 0.4)."
        )
