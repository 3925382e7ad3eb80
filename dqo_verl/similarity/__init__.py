"""Similarity: the responses of a group -> one k x k matrix, batched over groups as `(..., k, k)`."""

from dqo_verl.similarity.embedding import KERNELS, gaussian_kernel, linear_kernel
from dqo_verl.similarity.equivalence import classes, first_member, same_class

__all__ = ["KERNELS", "classes", "first_member", "gaussian_kernel", "linear_kernel", "same_class"]
