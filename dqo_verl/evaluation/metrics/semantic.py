"""Diversity of embeddings: cosine distance, log-det, DQO bonus (arXiv 2509.04784), Vendi score (arXiv 2210.02410)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dqo_verl.core.kernels import linear_kernel
from dqo_verl.core.measures.dpp import loo_logdet, set_logdet
from dqo_verl.core.measures.pairwise import mean_pairwise_distance
from dqo_verl.errors import UserError
from dqo_verl.models.hub import own_device

# Number of groups whose k x k matrices are computed at once.
BLOCK = 256


def embed(texts: Sequence[str], embedder: str) -> tuple[Tensor, int]:
    """Unit-norm rows in single precision (a zero row for a blank text), and how many texts the embedder had to cut."""
    from dqo_verl.models.embedder import Embedder

    try:
        model = Embedder(embedder, own_device())
    except UserError as error:
        raise UserError(f"{error}\nTo leave out the metrics that need an embedder, add --embedder none.") from error
    vectors, cut = model(texts, progress=True)
    return torch.from_numpy(vectors), int(cut.sum())


def vendi(kernel: Tensor) -> Tensor:
    """`exp(-sum_i p_i log p_i)`, p the eigenvalues of `K / k`, `(..., k, k)` -> `(...)`: 1 if all are identical, at most k."""
    p: Tensor = torch.linalg.eigvalsh(kernel / kernel.shape[-1]).clamp(min=0)
    entropy: Tensor = torch.special.entr(p).sum(dim=-1)
    return entropy.exp()


def cosine_kernel(embeddings: Tensor) -> Tensor:
    """Cosine similarity with 1 on the diagonal: blank responses are identical to each other and unlike all others."""
    blank = (embeddings == 0).all(dim=-1).to(embeddings.dtype)
    return linear_kernel(embeddings) + blank.unsqueeze(-1) * blank.unsqueeze(-2)


def semantic_diversity(embeddings: Tensor) -> dict[str, Tensor]:
    """Metrics of every group, `(groups, k, d)` -> name: `(groups,)`. For log-det and bonus, a blank is a zero row."""
    blocks: list[dict[str, Tensor]] = []
    for block in torch.split(embeddings, BLOCK):
        trained_on = linear_kernel(block)
        cosine = cosine_kernel(block)
        blocks.append(
            {
                "cosine_distance": mean_pairwise_distance(cosine).mean(dim=-1),
                "vendi": vendi(cosine),
                "logdet": set_logdet(trained_on),
                "dqo_bonus": loo_logdet(trained_on).mean(dim=-1),
            }
        )
    return {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}


def effective_distance(embeddings: Tensor, valid: Tensor) -> Tensor:
    """Mean cosine distance over all pairs, where a pair counts only if both are valid, `(groups, k, d)`, `(groups, k)`.

    Effective semantic diversity (arXiv 2504.12522) in its pairwise form, with the distance instead of "same or not".
    """
    k = valid.shape[-1]
    both = valid.unsqueeze(-1) & valid.unsqueeze(-2) & ~torch.eye(k, dtype=torch.bool)
    distances = [
        ((1 - cosine_kernel(e)) * m).sum(dim=(-2, -1))
        for e, m in zip(torch.split(embeddings, BLOCK), torch.split(both, BLOCK), strict=True)
    ]
    return torch.cat(distances) / (k * (k - 1))
