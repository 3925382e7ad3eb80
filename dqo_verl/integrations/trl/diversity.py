"""The settings that a user of TRL types: `Diversity("dqo", alpha=1.0)`."""

from functools import partial
from typing import Any

from dqo_verl.core.measures import MEASURES
from dqo_verl.core.methods import METHODS
from dqo_verl.core.own_measure import is_measure
from dqo_verl.core.parts import did_you_mean
from dqo_verl.core.placements import Gpu, Http
from dqo_verl.core.settings import Settings, parse
from dqo_verl.core.sources import Model
from dqo_verl.core.spelling import Spelling
from dqo_verl.errors import UserError


class Python(Spelling):
    """Settings as keyword arguments: `scale='decoupled'`."""

    def __call__(self, key: str, value: Any) -> str:
        written = "None" if value == "null" else repr(value)
        return f"Diversity({written})" if key == "measure" else f"{key}={written}"

    def name(self, key: str) -> str:
        return key


PYTHON = Python()
# settings that have no effect in TRL, and why
WITHOUT_EFFECT = {
    "base": "the trainer is the base: with_diversity(GRPOTrainer) or with_diversity(RLOOTrainer)",
    "stream": "TRL generates all responses in one call, so nothing can be computed while it generates",
    "actors": "each process of the trainer has one copy of the model",
    "start_timeout": "the trainer's own process loads the model and waits for it",
}


class Diversity:
    """A method (`dqo`, `darling`) or a measure (`dpp`, `pairwise`, your own), and settings of docs/settings.md as keywords."""

    def __init__(self, method: str = "dqo", /, **typed: Any):
        for key in ("method", "measure"):
            if key in typed:
                raise UserError(f"{key} is the first argument. Write Diversity({typed[key]!r}).")
        for key, reason in WITHOUT_EFFECT.items():
            if key in typed:
                raise UserError(f"{PYTHON(key, typed[key])} has no effect: {reason}. Leave it out.")
        if method not in METHODS and not is_measure(method):
            hint = did_you_mean("measure", method, METHODS | MEASURES, PYTHON)
            raise UserError(f"{PYTHON('measure', method)} is not known.{hint}")
        settings = parse({"method" if method in METHODS else "measure": method, **typed}, PYTHON)
        if settings.measure.reads == "log_probs":
            raise UserError(
                f"{settings.measure.name} reads the policy's log-probabilities, which TRL's trainers have not computed "
                "when they score responses. Use a measure of texts or embeddings."
            )
        if isinstance(settings.source, Model) and isinstance(settings.source.placement, Gpu):
            raise UserError(
                "placement='gpu' needs a GPU that the trainer leaves free, but TRL uses all GPUs that accelerate gives it. "
                "Write placement='shared' (the trainer's own GPU), 'cpu', or 'http' with urls."
            )
        if "deadline" in typed and not (
            isinstance(settings.source, Model) and isinstance(settings.source.placement, Http)
        ):
            raise UserError(
                f"{PYTHON('deadline', typed['deadline'])} has no effect: the trainer's own process computes the features. Leave it out, "
                "or write placement='http' with urls."
            )
        self._settings, self._method, self._typed = settings, method, typed

    def __reduce__(self) -> tuple[Any, ...]:
        """What was typed: another process loads a measure of the user's from its file again."""
        return partial(type(self), self._method, **self._typed), ()

    def on(self, base: str) -> Settings:
        """The settings with the trainer's name as the base."""
        settings = self._settings.model_copy(update={"base": base})
        settings._spelling = PYTHON
        return settings
