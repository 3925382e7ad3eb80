"""The methods at a glance: a measure of diversity, how it is combined with quality, and the presets built from them."""

from typing import Literal, NamedTuple


class Measure(NamedTuple):
    """What a measure reads of the responses, and how it is combined with quality unless something else is typed."""

    reads: Literal["embeddings", "classes", "texts", "log_probs", "nothing"]
    combine: Literal["add", "multiply", "only"]


MEASURES: dict[str, Measure] = {
    "dpp": Measure("embeddings", "add"),  # leave-one-out log-determinant: DQO, arXiv 2509.04784
    "dpp_quality": Measure(
        "embeddings", "only"
    ),  # the same on DQO's reward-augmented kernel, which contains the quality
    "pairwise": Measure("embeddings", "add"),  # mean cosine distance to the others, DQO's counter-example
    "partition": Measure("classes", "multiply"),  # share of the others in another class: DARLING, arXiv 2509.02534
    "ngram": Measure("texts", "multiply"),  # share of n-grams nobody else has, DARLING's lexical ablation
    "graph_cut": Measure("embeddings", "multiply"),  # 1 / similarity to the group: DRA-GRPO, arXiv 2505.09655
    "deviation": Measure("embeddings", "multiply"),  # distance to the group, mean 1: creative writing, arXiv 2503.17126
    "likelihood": Measure("log_probs", "multiply"),  # less for what the policy finds probable: arXiv 2506.02355
    "surprisal": Measure(
        "log_probs", "add"
    ),  # a sample of token entropy, for correct responses with a gate: 2505.23433
    "none": Measure("nothing", "add"),  # the base estimator, untouched
}

# what two responses get is the same for both
SYMMETRIC = ("dpp", "pairwise", "partition", "graph_cut", "deviation")

METHODS: dict[str, dict[str, object]] = {
    "dqo": {"diversity": "dpp"},  # r + alpha d, on GRPO, or on PPO with base=gae
    "darling": {"diversity": "partition"},  # q * v, on GRPO without std division
}

# Values of verl's own settings that belong to a method; what a user types on the command line wins.
VERL_SETTINGS: dict[str, dict[str, object]] = {
    "dqo": {},
    "darling": {"algorithm.norm_adv_by_std_in_grpo": False},
}
