"""Kernels over unit-norm embeddings `E` of shape `(..., k, d)`: how similar two responses are."""

from abc import ABC, abstractmethod

from pydantic import Field
from torch import Tensor

from dqo_verl.core.parts import Choice


def linear_kernel(embeddings: Tensor) -> Tensor:
    """`L = E E^T`, the Gram matrix of DQO (arXiv 2509.04784). A zero row (an empty response) is similar to nothing."""
    return embeddings @ embeddings.mT


def gaussian_kernel(embeddings: Tensor, bandwidth: float = 1.0) -> Tensor:
    """`L_ij = exp(-|e_i - e_j|^2 / (2 bandwidth^2))`. Not the paper's kernel; a zero row stays similar to nothing."""
    gram = linear_kernel(embeddings)
    norms = gram.diagonal(dim1=-2, dim2=-1)
    squared_distance = (norms.unsqueeze(-1) + norms.unsqueeze(-2) - 2 * gram).clamp(min=0)
    present = (norms > 0).to(gram.dtype)
    return (-squared_distance / (2 * bandwidth**2)).exp() * present.unsqueeze(-1) * present.unsqueeze(-2)


class Kernel(Choice, ABC):
    """`(..., k, d)` embeddings -> `(..., k, k)` similarities."""

    @abstractmethod
    def __call__(self, embeddings: Tensor) -> Tensor: ...


class Linear(Kernel):
    """The Gram matrix, as in DQO's paper."""

    name = "linear"

    def __call__(self, embeddings: Tensor) -> Tensor:
        return linear_kernel(embeddings)


class Gaussian(Kernel):
    """Similarity that falls with the squared distance between two responses."""

    name = "gaussian"

    bandwidth: float = Field(1.0, ge=1e-3, le=1e3)
    """Width of the gaussian kernel, as a distance between unit vectors."""

    def __call__(self, embeddings: Tensor) -> Tensor:
        return gaussian_kernel(embeddings, self.bandwidth)
