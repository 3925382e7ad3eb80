"""A softmax policy over answers, trained by GRPO on the diversity of its groups alone.

Each step draws groups of k answers and ascends `sum_i grad log pi(y_i) (d_i - mean d of the group)`: no std division. In
expectation this is `(k/2 - 1) grad E[distance of two answers]` for the distance, and `grad E[log det(L + I) of k - 1 answers]`
for the determinant; both are 0 at k = 2.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from dqo_verl.core.kernels import gaussian_kernel, linear_kernel
from dqo_verl.core.measures.dpp import loo_logdet
from dqo_verl.core.measures.pairwise import mean_pairwise_distance

K, GROUPS, STEPS, LEARNING_RATE, BANDWIDTH = 4, 64, 3000, 0.03, 0.5


class Objective(NamedTuple):
    """Points `(n, d)` -> similarity `(n, n)`; similarity within groups `(..., k, k)` -> diversity `(..., k)`."""

    name: str
    similarity: Callable[[Tensor], Tensor]
    measure: Callable[[Tensor], Tensor]


def nearness(points: Tensor) -> Tensor:
    """`1 - |x_i - x_j|^2 / 2`, which is the cosine where the points have unit norm."""
    return 1 - torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").square() / 2


OBJECTIVES = (
    Objective("mean pairwise distance", nearness, mean_pairwise_distance),
    Objective("determinant", linear_kernel, loo_logdet),
    Objective("determinant, gaussian", lambda points: gaussian_kernel(points, BANDWIDTH), loo_logdet),
)


def surrogate(log_policy: Tensor, groups: Tensor, similarity: Tensor, measure: Callable[[Tensor], Tensor]) -> Tensor:
    """One value per group of `(g, k)`, whose gradient is the policy gradient with the group's mean subtracted from d."""
    diversity = measure(similarity[groups[:, :, None], groups[:, None, :]])
    advantage = diversity - diversity.mean(dim=-1, keepdim=True)
    return (log_policy[groups] * advantage).sum(dim=-1)


def train(similarity: Tensor, measure: Callable[[Tensor], Tensor], seed: int, steps: int = STEPS) -> Tensor:
    """The policy after training, `(n,)`. The learning rate decays to 0, so that the result is not noise."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.zeros(len(similarity), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(steps):
        log_policy = logits.log_softmax(dim=0)
        drawn = torch.multinomial(log_policy.detach().exp(), GROUPS * K, replacement=True, generator=generator)
        loss = -surrogate(log_policy, drawn.view(GROUPS, K), similarity, measure).mean()
        (logits.grad,) = torch.autograd.grad(loss, logits)
        optimizer.step()
        schedule.step()
    return logits.detach().softmax(dim=0)


def effective(shares: Tensor) -> float:
    """`exp(entropy)`: the number of equally likely answers with the same entropy."""
    return math.exp(torch.special.entr(shares).sum().item())
