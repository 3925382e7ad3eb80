"""The measures of diversity, one file each. A file is registered by its name in this import; `MEASURES` follows."""

from dqo_verl.core.measures import (  # noqa: F401
    deviation,
    dpp,
    elliptical,
    graph_cut,
    likelihood,
    ngram,
    off,
    pairwise,
    partition,
)
from dqo_verl.core.measures.base import Measure

MEASURES = Measure.choices
