"""Samples k responses to each prompt token by token; equal prefixes are computed once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dqo_verl.lab.network import Network


@dataclass(frozen=True)
class Response:
    """Token ids, with the end token if it was sampled in time, and the log-probability of each."""

    tokens: list[int]
    log_probs: list[float]


@torch.inference_mode()
def sample(
    network: Network,
    prompts: Sequence[Sequence[int]],
    k: int,
    end: int,
    generator: torch.Generator,
    longest: int = 24,
    temperature: float = 1.0,
) -> list[Response]:
    """k responses to each prompt, in the order of the prompts. Log-probabilities are those at `temperature`, as in verl."""
    cache = _Cache(network, prompts)
    log_probs = network.log_probs(cache.read_prompts(), temperature)
    responses = [Response([], []) for _ in range(len(prompts) * k)]
    alive = torch.arange(len(responses))
    # the node of each unfinished sequence; at first its prompt's
    node = torch.arange(len(prompts)).repeat_interleave(k)
    for step in range(longest):
        token = torch.multinomial(log_probs.exp()[node], 1, generator=generator).squeeze(1)
        taken = log_probs[node, token]
        for sequence, one, its in zip(alive.tolist(), token.tolist(), taken.tolist(), strict=True):
            responses[sequence].tokens.append(one)
            responses[sequence].log_probs.append(its)
        goes_on = token != end
        if step == longest - 1 or not goes_on.any():
            break
        alive = alive[goes_on]
        distinct, node = (node * log_probs.shape[-1] + token)[goes_on].unique(return_inverse=True)
        parent, token = distinct // log_probs.shape[-1], distinct % log_probs.shape[-1]
        log_probs = network.log_probs(cache.read(parent, token, step), temperature)
    return responses


class _Cache:
    """Keys and values: of each prompt once, and of the tokens that each node has read since."""

    def __init__(self, network: Network, prompts: Sequence[Sequence[int]]):
        self.network = network
        self.lengths = torch.tensor([len(prompt) for prompt in prompts])
        self.width = int(self.lengths.max())
        # padded on the left
        self.ids = torch.tensor([[0] * (self.width - len(prompt)) + list(prompt) for prompt in prompts])
        self.live = torch.arange(self.width) >= (self.width - self.lengths)[:, None]
        self.prompt: list[tuple[Tensor, Tensor]] = []
        self.since: list[tuple[Tensor, Tensor]] = []
        self.prompt_of = torch.arange(len(prompts))

    def read_prompts(self) -> Tensor:
        """Hidden states of the prompts' last tokens, `(prompts, width)`."""
        count = len(self.ids)
        sees = torch.ones(self.width, self.width).tril().bool() & self.live[:, None]
        # padding sees itself
        sees |= torch.eye(self.width, dtype=torch.bool)
        bias = torch.zeros(sees.shape).masked_fill(~sees, -torch.inf)[:, None]

        def attend(_: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            q, k, v = (one.unflatten(0, (count, self.width)).transpose(1, 2) for one in (q, k, v))
            self.prompt.append((k, v))
            self.since.append((k[:, :, :0], v[:, :, :0]))
            return self.network.attention(q, k, v, bias).transpose(1, 2).flatten(0, 1).flatten(1)

        positions = (torch.arange(self.width) - (self.width - self.lengths)[:, None]).clamp(min=0)
        hidden = self.network.hidden(self.ids.flatten(), positions.flatten(), attend)
        return hidden.unflatten(0, (count, self.width))[:, -1]

    def read(self, parent: Tensor, token: Tensor, step: int) -> Tensor:
        """Append a token to each parent node, and return the hidden states of the new nodes."""
        self.prompt_of = self.prompt_of[parent]
        hidden_prompt = torch.zeros(len(token), self.width).masked_fill(~self.live[self.prompt_of], -torch.inf)
        bias = torch.cat([hidden_prompt, torch.zeros(len(token), step + 1)], dim=1)[:, None, None]

        def attend(i: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            own_k, own_v = (
                torch.cat([old[parent], new[:, :, None]], dim=2) for old, new in zip(self.since[i], (k, v), strict=True)
            )
            self.since[i] = (own_k, own_v)
            prompt_k, prompt_v = (one[self.prompt_of] for one in self.prompt[i])
            keys, values = torch.cat([prompt_k, own_k], dim=2), torch.cat([prompt_v, own_v], dim=2)
            return self.network.attention(q[:, :, None], keys, values, bias).flatten(1)

        return self.network.hidden(token, self.lengths[self.prompt_of] + step, attend)
