"""Loads a user's own measure: `my_measures.py:MyMeasure`, `package.module:MyMeasure`, or the name of an entry point."""

from importlib.metadata import entry_points
from typing import Any, get_args

from dqo_verl.core.measures import MEASURES
from dqo_verl.core.measures.base import Measure, Reads
from dqo_verl.core.parts import did_you_mean
from dqo_verl.core.spelling import Spelling
from dqo_verl.errors import UserError
from dqo_verl.loading import file_of, load

# how a package registers its measure: [project.entry-points."dqo_verl.measures"] my_measure = "my_package.module:MyMeasure"
ENTRY_POINTS = "dqo_verl.measures"


def measure_named(name: Any, spelling: Spelling) -> type[Measure]:
    """The measure of this name: a built-in one, one in a file or module, or the entry point of an installed package."""
    name = _written(name)
    if name in MEASURES:
        return MEASURES[name]  # type: ignore[return-value]
    if not is_measure(name):
        raise UserError(f"{spelling('measure', name)} is not known.{did_you_mean('measure', name, MEASURES, spelling)}")
    found = next(iter(entry_points(group=ENTRY_POINTS, name=name)), None)
    measure = load(name, spelling("measure", name)) if found is None else found.load()
    if not (isinstance(measure, type) and issubclass(measure, Measure)):
        raise UserError(f"{spelling('measure', name)}: {measure!r} is not a class that extends dqo_verl.Measure.")
    readable = [reads for reads in get_args(Reads) if reads != "nothing"]
    for lacks, what in (
        (not hasattr(measure, "name"), '`name`, such as name = "my_measure"'),
        (getattr(measure, "reads", None) not in readable, f"`reads`, one of: {', '.join(readable)}"),
        ("__call__" in measure.__abstractmethods__, "__call__(self, groups), which gives the scores"),
    ):
        if lacks:
            raise UserError(f"{spelling('measure', name)}: {measure.__name__} has no {what}.")
    return measure


def is_measure(name: Any) -> bool:
    """Whether this is a built-in measure, a place to load one from, or the entry point of a package."""
    name = _written(name)
    return name in MEASURES or ":" in name or bool(entry_points(group=ENTRY_POINTS, name=name))


def _written(name: Any) -> str:
    """YAML reads null as None and off as False."""
    return "none" if name is None or name is False else str(name)


def place_of(measure: type[Measure]) -> str:
    """What to type for this measure in any process: its name if it is built in, else its file or module and its class."""
    if measure.__module__.startswith("dqo_verl."):
        return measure.name
    return f"{file_of(measure.__module__) or measure.__module__}:{measure.__name__}"
