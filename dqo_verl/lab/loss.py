"""verl's policy loss on the edges of a forest: clipped ratio, dual clip, mean over tokens, entropy bonus, KL to the start."""

from dataclasses import dataclass

import torch
from torch import Tensor

# verl's defaults
CLIP, DUAL_CLIP = 0.2, 3.0


@dataclass(frozen=True)
class Tokens:
    """All tokens of a mini-batch: the edge of each, its response's advantage, and its log-probability when it was sampled."""

    edges: Tensor
    advantages: Tensor
    old: Tensor


def policy_loss(log_probs: Tensor, tokens: Tokens) -> Tensor:
    """`mean -A min(max(ratio, 1 - c), 3)` where A < 0, `mean -A min(ratio, 1 + c)` where A > 0."""
    ratio = (log_probs[tokens.edges] - tokens.old).clamp(-20, 20).exp()
    gain = ratio.clamp(max=1 + CLIP)
    harm = ratio.clamp(min=1 - CLIP, max=DUAL_CLIP)
    return -(tokens.advantages * torch.where(tokens.advantages > 0, gain, harm)).mean()


def kl(log_probs: Tensor, reference: Tensor, tokens: Tokens) -> Tensor:
    """verl's `low_var_kl`: `mean e^x - x - 1`, where x = log reference - log policy."""
    x = (reference - log_probs)[tokens.edges].clamp(-20, 20)
    return (x.exp() - x - 1).clamp(-10, 10).mean()
