"""The size of a language model, from its config or from the published shapes of the recipes' models."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """The shape of a decoder like Llama or Qwen: grouped-query attention and a gated MLP."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    tied: bool

    @property
    def of_layer(self) -> int:
        """Parameters of one layer, without its norms."""
        attention = 2 * self.hidden * self.head_size * (self.heads + self.kv_heads)
        return attention + 3 * self.hidden * self.intermediate

    @property
    def of_ends(self) -> int:
        """Parameters of the embedding and of the output layer."""
        return self.hidden * self.vocabulary * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        return self.layers * self.of_layer + self.of_ends

    @property
    def cache_per_token(self) -> int:
        """Bytes of keys and values in bfloat16."""
        return 2 * 2 * self.layers * self.kv_heads * self.head_size


KNOWN = {
    r"Qwen/Qwen2\.5-1\.5B": Shape(28, 1536, 12, 2, 128, 8960, 151936, True),
    r"Qwen/Qwen3-4B": Shape(36, 2560, 32, 8, 128, 9728, 151936, True),
    r"Qwen/Qwen3-14B": Shape(40, 5120, 40, 8, 128, 17408, 151936, False),
    r"meta-llama/Llama-3\.2-3B": Shape(28, 3072, 24, 8, 128, 8192, 128256, True),
    r"meta-llama/Llama-3\.1-8B": Shape(32, 4096, 32, 8, 128, 14336, 128256, False),
    r"meta-llama/Llama-3\.3-70B": Shape(80, 8192, 64, 8, 128, 28672, 128256, False),
}


def shape_of(model: str) -> Shape | None:
    """The shape of a model, by its name or from config.json in its folder or in the cache; None if none of them says it."""
    file = Path(model).expanduser() / "config.json"
    if known := next((shape for pattern, shape in KNOWN.items() if re.match(pattern, model)), None):
        return known
    if not file.is_file():
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            cached = try_to_load_from_cache(model, "config.json")
        except HFValidationError:
            return None
        if not isinstance(cached, str):
            return None
        file = Path(cached)
    return _read(json.loads(file.read_text()))


def _read(config: dict[str, Any]) -> Shape | None:
    needed = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "vocab_size")
    if not all(isinstance(config.get(key), int) for key in needed):
        return None
    layers, hidden, heads, intermediate, vocabulary = (config[key] for key in needed)
    kv_heads, head_size = config.get("num_key_value_heads") or heads, config.get("head_dim") or hidden // heads
    tied = bool(config.get("tie_word_embeddings", False))
    return Shape(layers, hidden, heads, kv_heads, head_size, intermediate, vocabulary, tied)


def billions(model: str) -> float | None:
    """The number of parameters in a model's name: 8e9 in Athene-RM-8B. None if the name has none."""
    found = re.search(r"(\d+(?:\.\d+)?)B\b", model, re.IGNORECASE)
    return float(found[1]) * 1e9 if found else None
