"""Runs before Ray starts: reads what the user typed, refuses what cannot work, prints what will run, hooks OpenRLHF."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NoReturn

from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import Settings
from dqo_verl.errors import UserError
from dqo_verl.integrations.check_only import check_only
from dqo_verl.integrations.openrlhf import hooks
from dqo_verl.integrations.openrlhf.cpu import platform
from dqo_verl.integrations.openrlhf.parser import arguments, bases, parser_of
from dqo_verl.integrations.openrlhf.probe import OpenRLHF, refuse_moved
from dqo_verl.integrations.openrlhf.refusals import first_lines, gpus_of_openrlhf, own_gpus, refuse
from dqo_verl.integrations.openrlhf.reward_file import as_file
from dqo_verl.integrations.openrlhf.typed import OPENRLHF, Typed, resolve, take_apart, with_base


@dataclass(frozen=True)
class Command:
    """A command, checked and completed."""

    # the command line for OpenRLHF
    words: list[str]
    # OpenRLHF's arguments in it, by dotted names
    arguments: dict[str, Any]
    settings: Settings | None
    on_cpu: bool

    def complete(self, nested: Any) -> None:
        """Add the settings to OpenRLHF's arguments, which it prints, logs and sends to every actor."""
        if self.settings is not None:
            nested.algo.diversity = SimpleNamespace(**self.settings.flat())

    def before_ray(self, nested: Any, options: dict[str, Any]) -> None:
        if self.settings is not None:
            # OpenRLHF refuses this name. In a worker our hooks replace it with the base; without hooks the run ends there.
            method = self.settings.method
            nested.algo.advantage.estimator = method if method in METHODS else f"{self.settings.base} with {method}"
        if self.on_cpu:
            platform.configure(options, gpus_of_openrlhf(self.arguments))

    def after_ray(self) -> None:
        if self.settings is not None and own_gpus(self.settings):
            _check_room(gpus_of_openrlhf(self.arguments), own_gpus(self.settings))


def prepare(words: Sequence[str]) -> list[str]:
    """The command line for OpenRLHF: without our options, with the base in place of our method, with a CPU run's flags."""
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
    if check_only():
        _stop(typed, settings)
    return Command(with_base(rest, found["algo.advantage.estimator"]), found, settings, on_cpu)


def _stop(typed: Typed, settings: Settings | None) -> NoReturn:
    """For `DQO_VERL_CHECK=1`: print each setting and where it comes from, and stop before anything starts."""
    if settings is None:
        print("This run does not use dqo_verl.")
    else:
        preset = METHODS.get(settings.method, {})
        rows = [("setting", "where it comes from")]
        for key, value in settings.flat().items():
            is_typed = key == "method" or key in typed.settings or (key == "measure" and typed.measure is not None)
            origin = "typed" if is_typed else f"preset of {settings.method}" if key in preset else "default"
            rows.append((OPENRLHF(key, "null" if value is None else value), origin))
        width = max(len(setting) for setting, _ in rows)
        print("\n".join(f"  {setting:{width}}  {origin}" for setting, origin in rows))
    print("All checks passed, and nothing was started.", flush=True)
    raise SystemExit(0)


def _check_room(openrlhf: int, own: int) -> None:
    """Refuse a cluster with too few GPUs: OpenRLHF's actors are placed first, and ours would wait forever for a free GPU."""
    import ray

    have = int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
    if openrlhf + own > have:
        raise UserError(
            f"Too few GPUs: the models of dqo_verl need {own} (--algo.diversity.placement gpu) and OpenRLHF takes {openrlhf}, "
            f"but Ray has {have}. Give OpenRLHF fewer, or place the models elsewhere: --algo.diversity.placement cpu, or "
            "--algo.diversity.placement shared with room on the trainer's GPUs (--vllm.gpu_memory_utilization 0.4)."
        )
