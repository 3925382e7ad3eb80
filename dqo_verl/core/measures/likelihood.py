"""Measures that read the policy's own probabilities of a group's responses; they need no texts and no model."""

import torch
from pydantic import Field
from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure


def unlikeliness(log_probs: Tensor, rank_penalty: float = 0.25) -> Tensor:
    """`1 - beta (G - rank_i) / G`, rank 0 for the most probable of G responses, `(..., G)` -> `(..., G)`.

    A factor for a reward of 0 or 1 (the unlikeliness reward, arXiv 2506.02355, beta 0.25; the GRPO-likelihood baseline of
    DQO): correct answers that the policy finds improbable keep more of their reward. Equal probabilities share their mean
    rank. `log_probs` are sums over a response's tokens.
    """
    size = log_probs.shape[-1]
    more_probable = (log_probs.unsqueeze(-2) > log_probs.unsqueeze(-1)).sum(dim=-1)
    as_probable = (log_probs.unsqueeze(-2) == log_probs.unsqueeze(-1)).sum(dim=-1)
    rank = more_probable + (as_probable - 1) / 2
    return 1 - rank_penalty * (size - rank) / size


def mean_surprisal(log_probs: Tensor, lengths: Tensor) -> Tensor:
    """`-(1/T) sum_t log pi(y_t)`: a sample of the policy's token entropy; 0 for an empty response.

    Added to the reward of correct responses only (`gate`), it is the score-function estimate of an entropy bonus on them,
    the idea of arXiv 2505.23433 (the GRPO-entropy baseline of DQO), whose own regulariser acts in the loss.
    """
    return torch.where(lengths > 0, -log_probs / lengths.clamp(min=1), torch.zeros_like(log_probs))


class Likelihood(Measure):
    """The unlikeliness reward: less for responses that the policy finds probable."""

    name = "likelihood"
    phrase = "unlikeliness weight"
    reads = "log_probs"
    combine = "multiply"

    rank_penalty: float = Field(0.25, ge=0, le=1)
    """The share of its reward that the most probable response of a group loses."""

    def __call__(self, groups: Groups) -> Tensor:
        return unlikeliness(groups.log_probs, self.rank_penalty)


class Surprisal(Measure):
    """Mean negative log-probability of a response's tokens."""

    name = "surprisal"
    phrase = "mean surprisal of the tokens"
    reads = "log_probs"

    def __call__(self, groups: Groups) -> Tensor:
        return mean_surprisal(groups.log_probs, groups.lengths)
