"""All responses to a prompt as one tree of tokens: shared prefixes are computed once, forward and backward."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dqo_verl.lab.network import Network


class Forest:
    """One tree per prompt. An edge is a token that some response takes at a node, and needs a log-probability."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.depths: list[int] = []
        self.trees: list[int] = []
        self.parents: list[int] = []
        # (node, token) -> the node of that token, and the edge to it
        self.children: dict[tuple[int, int], int] = {}
        self.edges: dict[tuple[int, int], int] = {}
        self.size = 0

    def add_prompt(self, prompt: Sequence[int]) -> int:
        """Add a prompt, and return the node of its last token, which is the root of its responses."""
        node = -1
        for token in prompt:
            node = self._add(token, node)
        return node

    def add_response(self, root: int, response: Sequence[int]) -> list[int]:
        """Add a response, and return the edge of each of its tokens. The last token needs no node."""
        node, path = root, []
        for token in response[:-1]:
            path.append(self.edges.setdefault((node, token), len(self.edges)))
            if (node, token) not in self.children:
                self.children[node, token] = self._add(token, node)
            node = self.children[node, token]
        return [*path, self.edges.setdefault((node, response[-1]), len(self.edges))]

    def _add(self, token: int, parent: int) -> int:
        is_first = parent < 0
        self.tokens.append(token)
        self.parents.append(parent)
        self.depths.append(0 if is_first else self.depths[parent] + 1)
        self.trees.append(self.size if is_first else self.trees[parent])
        self.size += is_first
        return len(self.tokens) - 1

    def planted(self) -> "Planted":
        return Planted(self)


class Planted:
    """A finished forest as tensors."""

    def __init__(self, forest: Forest):
        trees = np.array(forest.trees)
        counts = np.bincount(trees)
        # a node's place within its tree
        slots, filled = np.zeros(len(trees), int), [0] * forest.size
        for node, tree in enumerate(forest.trees):
            slots[node] = filled[tree]
            filled[tree] += 1
        self.shape = (forest.size, int(counts.max()))
        sees = np.zeros((len(trees), self.shape[1]), bool)
        for node, parent in enumerate(forest.parents):
            if parent >= 0:
                sees[node] = sees[parent]
            sees[node, slots[node]] = True
        self.places = torch.from_numpy(trees * self.shape[1] + slots)
        bias = torch.full((forest.size * self.shape[1], self.shape[1]), -torch.inf)
        # places without a node see the first one, and no node sees them
        bias[:, 0] = 0.0
        bias[self.places] = torch.zeros(sees.shape).masked_fill(~torch.from_numpy(sees), -torch.inf)
        self.bias = bias.view(forest.size, 1, self.shape[1], self.shape[1])
        self.tokens, self.depths = torch.tensor(forest.tokens), torch.tensor(forest.depths)
        nodes, taken = (torch.tensor(one) for one in zip(*forest.edges, strict=True))
        self.asked, self.row_of_edge = nodes.unique(return_inverse=True)
        self.taken = taken

    def log_probs(self, network: Network, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """The log-probability of each edge's token at its node, and the entropy at that node, both `(edges,)`."""
        trees, width = self.shape

        def planted(x: Tensor) -> Tensor:
            """`(nodes, heads, size)` -> `(trees, heads, width, size)`"""
            place = x.new_zeros(trees * width, *x.shape[1:]).index_copy(0, self.places, x)
            return place.unflatten(0, (trees, width)).transpose(1, 2)

        def attend(_: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            seen = network.attention(planted(q), planted(k), planted(v), self.bias)
            return seen.transpose(1, 2).flatten(0, 1).flatten(1)[self.places]

        hidden = network.hidden(self.tokens, self.depths, attend)
        log_probs = network.log_probs(hidden[self.asked], temperature)
        entropy = -(log_probs.exp() * log_probs).sum(dim=-1)
        return log_probs[self.row_of_edge, self.taken], entropy[self.row_of_edge]
