"""Quality of n responses: unbiased pass@k and expected best-of-k, both from one set of order-statistic weights.

Of k responses drawn without replacement from n with ascending scores r_(1) <= ... <= r_(n), the j-th is the best one
with probability C(j-1, k-1) / C(n, k). Hence

    best_of_k = sum_j r_(j) C(j-1, k-1) / C(n, k)      pass@k = best_of_k of 0/1 correctness = 1 - C(n-c, k) / C(n, k)

(Chen et al., arXiv 2107.03374). verl's `best@k` draws with replacement and is biased low (verl#7240): never use it.
"""

from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@lru_cache(maxsize=16)
def _weights(n: int) -> Array:
    """`(n, n)`: row j (rank of the score, ascending), column k - 1. Exact: integers until the last division."""
    return np.array([[comb(j, k - 1) / comb(n, k) for k in range(1, n + 1)] for j in range(n)])


def best_of_k(scores: Array, k: int | None = None) -> Array:
    """Expected maximum of k of the n scores, `(..., n)` -> `(...)`; without k, for every k from 1 to n, `(..., n)`."""
    n = scores.shape[-1]
    if k is not None and not 1 <= k <= n:
        raise ValueError(f"k = {k} is not between 1 and n = {n}, the number of responses per prompt")
    curve: Array = np.sort(scores, axis=-1) @ _weights(n)
    return curve if k is None else curve[..., k - 1]


def pass_at_k(correct: Array, k: int | None = None) -> Array:
    """Probability that at least one of k of the n responses is correct; `correct` holds 0 and 1."""
    if not np.isin(correct, (0.0, 1.0)).all():
        raise ValueError("pass@k needs 0/1 correctness; for a reward use best_of_k")
    return best_of_k(correct, k)
