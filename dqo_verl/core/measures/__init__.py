"""The measures of diversity, one file each. Importing a file registers its measure, so add a new file to this import."""

from dqo_verl.core.measures import (  # noqa: F401
    bleu,
    certainty,
    deviation,
    dpp,
    elliptical,
    equations,
    graph_cut,
    likelihood,
    ngram,
    novelty,
    off,
    pairwise,
    partition,
    set_level,
    uniqueness,
)
from dqo_verl.core.measures.base import Measure

MEASURES = Measure.choices
