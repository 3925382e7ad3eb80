"""A measure of the user's own: `my_measures.py:MyMeasure`, `package.module:MyMeasure`, or the name of an entry point."""

from importlib.metadata import entry_points
from typing import Any

from dqo_verl.core.measures import MEASURES
from dqo_verl.core.measures.base import Measure
from dqo_verl.core.parts import did_you_mean
from dqo_verl.core.spelling import Spelling
from dqo_verl.errors import UserError
from dqo_verl.loading import load

# a package that brings measures: [project.entry-points."dqo_verl.measures"] my_measure = "my_package.module:MyMeasure"
ENTRY_POINTS = "dqo_verl.measures"


def measure_named(name: Any, spelling: Spelling) -> type[Measure]:
    """The measure of that name: one of ours, one in a file or module, or one that an installed package brings."""
    # YAML reads null as None and off as False.
    if name is None or name is False:
        name = "none"
    if name in MEASURES:
        return MEASURES[name]  # type: ignore[return-value]
    found = next(iter(entry_points(group=ENTRY_POINTS, name=str(name))), None)
    if found is None and ":" not in str(name):
        raise UserError(f"{spelling('measure', name)} is not known.{did_you_mean('measure', name, MEASURES, spelling)}")
    measure = load(str(name), spelling("measure", name)) if found is None else found.load()
    if not (isinstance(measure, type) and issubclass(measure, Measure)):
        raise UserError(f"{spelling('measure', name)}: {measure!r} is not a class that extends dqo_verl.Measure.")
    return measure
