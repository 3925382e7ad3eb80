"""Diversity measures: a similarity matrix (or the texts) of a group -> one number per response."""

from dqo_verl.core.measures.deviation import deviation_weight
from dqo_verl.core.measures.dpp import leave_one_out_logdet, loo_logdet, loo_logdet_quality, set_logdet
from dqo_verl.core.measures.graph_cut import graph_cut_weight
from dqo_verl.core.measures.likelihood import mean_surprisal, unlikeliness
from dqo_verl.core.measures.ngram import distinct_ngram_fraction
from dqo_verl.core.measures.pairwise import mean_pairwise_distance
from dqo_verl.core.measures.partition import distinct_fraction

__all__ = [
    "deviation_weight",
    "distinct_fraction",
    "distinct_ngram_fraction",
    "graph_cut_weight",
    "leave_one_out_logdet",
    "loo_logdet",
    "loo_logdet_quality",
    "mean_pairwise_distance",
    "mean_surprisal",
    "set_logdet",
    "unlikeliness",
]
