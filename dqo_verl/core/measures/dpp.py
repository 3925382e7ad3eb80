"""Determinantal point process: how much volume each response adds to its group (DQO, arXiv 2509.04784).

    d_i = log det(L + I) - log det(L_{-i} + I) = -log [(L + I)^{-1}]_{ii}

The second form (Cramer's rule) gives all k terms from one Cholesky factor. `L + I` has eigenvalues >= 1, so it cannot
fail for finite input. For unit-norm embeddings d_i lies in [log(1 + 1/k), log 2]: k identical responses give
log((k+1)/k), mutually orthogonal ones log 2, a zero row exactly 0. A group of one gives log 2.
"""

from collections.abc import Hashable, Sequence

import torch
from pydantic import Field
from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.groups import rows_by_size
from dqo_verl.core.kernels import Kernel, Linear, linear_kernel
from dqo_verl.core.measures.base import Measure

# Keeps exp(-r/alpha) on the diagonal above float64's resolution.
SMALLEST_NUGGET = 1e-9


def _inverse_diagonal(matrix: Tensor) -> Tensor:
    """Diagonal of `matrix^{-1}`: with `matrix = C C^T`, the squared column norms of `C^{-1}`."""
    factor = torch.linalg.cholesky(matrix)
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device).expand_as(matrix)
    inverse_factor: Tensor = torch.linalg.solve_triangular(factor, eye, upper=False)
    return inverse_factor.square().sum(dim=-2)


def loo_logdet(kernel: Tensor) -> Tensor:
    """Leave-one-out gain in `log det(L + I)` of each response, `(..., k, k)` -> `(..., k)`."""
    matrix = kernel.double()
    eye = torch.eye(kernel.shape[-1], dtype=matrix.dtype, device=matrix.device)
    return -_inverse_diagonal(matrix + eye).log().to(kernel.dtype)


def loo_logdet_quality(kernel: Tensor, quality: Tensor, alpha: float) -> Tensor:
    """Leave-one-out gain for the reward-augmented kernel `L_psi = diag(e^{r/2a}) L diag(e^{r/2a})` (the paper's psi without its
    factor pi_ref: the KL term stands for the reference policy).

    With x = r/alpha, positive exponents are factored out of the determinant so that nothing overflows:
    `d_i = x_i^+ - log [(D L D + diag(e^{-x^+}))^{-1}]_{ii}` with `D = diag(e^{-x^-/2})`. `alpha * d_i` contains the
    quality: a response orthogonal to all others gets `alpha * log(1 + e^{r/alpha})`. Exact while r/alpha <= 20; beyond
    that, the scores of duplicate responses differ by their quality only.
    """
    exponent = quality.double() / alpha
    positive, damping = exponent.clamp(min=0), (exponent.clamp(max=0) / 2).exp()
    nugget = (-positive).exp().clamp(min=SMALLEST_NUGGET)
    matrix = kernel.double() * damping.unsqueeze(-1) * damping.unsqueeze(-2) + torch.diag_embed(nugget)
    return (positive - _inverse_diagonal(matrix).log()).to(kernel.dtype)


def set_logdet(kernel: Tensor) -> Tensor:
    """`log det(L + I)` of each group, `(..., k, k)` -> `(...)`: log(1+k) if all alike, k log 2 if all orthogonal."""
    matrix = kernel.double()
    eye = torch.eye(kernel.shape[-1], dtype=matrix.dtype, device=matrix.device)
    return torch.logdet(matrix + eye).to(kernel.dtype)


def leave_one_out_logdet(embeddings: Tensor, groups: Sequence[Hashable] | None = None) -> Tensor:
    """DQO's diversity bonus of every response, all groups at once.

    Args:
        embeddings: `(n, d)`, one unit-norm row per response (a zero row for an empty one).
        groups: n labels, one per row; groups may have any and unequal sizes. `None`: all rows are one group.

    Returns `(n,)`, in the order of the rows.

    >>> leave_one_out_logdet(torch.eye(2)[[0, 0, 1]])
    tensor([0.4055, 0.4055, 0.6931])
    """
    scores = embeddings.new_empty(len(embeddings))
    for rows in rows_by_size([0] * len(embeddings) if groups is None else groups):
        scores[rows] = loo_logdet(linear_kernel(embeddings[rows].double())).to(scores.dtype)
    return scores


class Dpp(Measure):
    """Leave-one-out gain in log det(L + I)."""

    name = "dpp"
    phrase = "leave-one-out log-determinant"
    reads = "embeddings"
    symmetric = True

    kernel: Kernel = Linear()
    """How similar two embeddings are."""

    def __call__(self, groups: Groups) -> Tensor:
        return loo_logdet(self.kernel(groups.embeddings))

    def details(self, groups: Groups) -> dict[str, Tensor]:
        return {"logdet": set_logdet(self.kernel(groups.embeddings))}


class DppQuality(Measure):
    """Leave-one-out gain for the reward-augmented kernel, which contains the quality."""

    name = "dpp_quality"
    phrase = "leave-one-out log-determinant, reward included,"
    reads = "embeddings"
    combine = "only"

    kernel: Kernel = Linear()
    """How similar two embeddings are."""

    alpha: float = Field(1.0, ge=1e-6, le=1e6)
    """The kernel contains quality / alpha."""

    def __call__(self, groups: Groups) -> Tensor:
        return loo_logdet_quality(self.kernel(groups.embeddings), groups.quality.double(), self.alpha)

    def details(self, groups: Groups) -> dict[str, Tensor]:
        return {"logdet": set_logdet(self.kernel(groups.embeddings))}
