"""The policy of dqo_verl.lab.model, a small Qwen2, as functions of its weights; the caller decides how tokens attend.

It equals transformers' model up to float32 rounding (tests/experiments/test_lab.py). Its weights are fused: one product for
queries, keys and values, one for the two halves of the gated layer.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# (layer, queries, keys, values), each `(tokens, heads, head_size)` -> `(tokens, heads * head_size)`
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
LONGEST = 512


class Network:
    """A small Qwen2; `weights` are leaf tensors, which an optimizer may change."""

    def __init__(self, weights: Mapping[str, Tensor], config: Any):
        self.weights, self.config = dict(weights), config
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_size = config.hidden_size // self.heads
        theta = config.rope_parameters["rope_theta"]
        pace = theta ** (-torch.arange(0, self.head_size, 2) / self.head_size)
        angle = torch.arange(LONGEST)[:, None] * pace
        angle = torch.cat([angle, angle], dim=-1)[:, None]
        self.cos, self.sin = angle.cos(), angle.sin()

    @classmethod
    def of(cls, model: Any) -> "Network":
        """The network of transformers' Qwen2ForCausalLM."""
        state = model.state_dict()
        weights = {"embedding": state["model.embed_tokens.weight"], "norm": state["model.norm.weight"]}
        for i in range(model.config.num_hidden_layers):
            layer = f"model.layers.{i}."
            attention = [f"{layer}self_attn.{one}_proj." for one in "qkv"]
            weights |= {
                f"{i}.norm": state[f"{layer}input_layernorm.weight"],
                f"{i}.qkv": torch.cat([state[f"{one}weight"] for one in attention]),
                f"{i}.qkv_bias": torch.cat([state[f"{one}bias"] for one in attention]),
                f"{i}.out": state[f"{layer}self_attn.o_proj.weight"],
                f"{i}.mlp_norm": state[f"{layer}post_attention_layernorm.weight"],
                f"{i}.gate_up": torch.cat([state[f"{layer}mlp.{one}_proj.weight"] for one in ("gate", "up")]),
                f"{i}.down": state[f"{layer}mlp.down_proj.weight"],
            }
        return cls({name: weight.detach().clone().float() for name, weight in weights.items()}, model.config)

    def copy(self) -> "Network":
        """A copy with its own weights, which can be trained."""
        weights = {name: weight.detach().clone().requires_grad_() for name, weight in self.weights.items()}
        return Network(weights, self.config)

    def parameters(self) -> list[Tensor]:
        return list(self.weights.values())

    def hidden(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """`(tokens,)` ids and positions -> `(tokens, width)`."""
        w = self.weights
        x = functional.embedding(tokens, w["embedding"])
        cos, sin = self.cos[positions], self.sin[positions]
        sizes = [one * self.head_size for one in (self.heads, self.kv_heads, self.kv_heads)]
        for i in range(self.config.num_hidden_layers):
            qkv = functional.linear(self._norm(x, w[f"{i}.norm"]), w[f"{i}.qkv"], w[f"{i}.qkv_bias"])
            q, k, v = (one.unflatten(-1, (-1, self.head_size)) for one in qkv.split(sizes, dim=-1))
            attended = attend(i, self._rotated(q, cos, sin), self._rotated(k, cos, sin), v)
            x = x + functional.linear(attended, w[f"{i}.out"])
            gate, up = functional.linear(self._norm(x, w[f"{i}.mlp_norm"]), w[f"{i}.gate_up"]).chunk(2, dim=-1)
            x = x + functional.linear(functional.silu(gate) * up, w[f"{i}.down"])
        return self._norm(x, w["norm"])

    def log_probs(self, hidden: Tensor, temperature: float = 1.0) -> Tensor:
        """Log-probabilities of the next token, `(..., width)` -> `(..., vocabulary)`."""
        return functional.log_softmax(functional.linear(hidden, self.weights["embedding"]) / temperature, dim=-1)

    def attention(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        """Attention over `(batch, heads, rows, head_size)`; the bias is -inf where a row must not attend."""
        groups = self.heads // self.kv_heads
        k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
        scores = q @ k.mT * self.head_size**-0.5 + bias
        return scores.softmax(dim=-1) @ v

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(x, weight.shape, weight, self.config.rms_norm_eps)

    def _rotated(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        return x * cos + torch.cat([-second, first], dim=-1) * sin
