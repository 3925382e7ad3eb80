"""Texts -> unit-norm embeddings, in this process or from an OpenAI-style server."""

from collections.abc import Sequence

import numpy as np

from dqo_verl.errors import UserError
from dqo_verl.models.hub import locate
from dqo_verl.models.servers import Endpoint

# On CPUs the padding of larger batches costs more than they save.
CPU_BATCH, GPU_BATCH = 8, 64


class SentenceTransformerModel:
    """A sentence-transformers model in this process. `encode` sorts texts by length within a call."""

    def __init__(self, name: str, device: str):
        from sentence_transformers import SentenceTransformer

        try:
            self.model = SentenceTransformer(locate(name), device=device)
        except OSError as error:
            raise UserError(
                f"The embedder {name!r} cannot be loaded: {error}\nIt must be the folder or the hub name of a "
                "sentence-transformers model."
            ) from error
        self.device = device
        self.batch_size = CPU_BATCH if device == "cpu" else GPU_BATCH

    def encode(self, texts: Sequence[str], progress: bool = False) -> tuple[np.ndarray, np.ndarray]:
        # `rest` moves the model to the CPU.
        self.model.to(self.device)
        vectors = self.model.encode(
            list(texts), batch_size=self.batch_size, convert_to_numpy=True, show_progress_bar=progress
        )
        return vectors, self._truncated(texts)

    def _truncated(self, texts: Sequence[str]) -> np.ndarray:
        limit = self.model.max_seq_length
        if limit is None:
            return np.zeros(len(texts), bool)
        # a token is at least one character: only texts long enough to be cut are counted exactly
        flags = np.array([len(text) > limit - 2 for text in texts])
        long = [text for text, flag in zip(texts, flags, strict=True) if flag]
        if long:
            lengths = [len(ids) for ids in self.model.tokenizer(long, truncation=False, verbose=False)["input_ids"]]
            flags[flags] = np.array(lengths) > limit
        return flags

    def rest(self) -> None:
        """Free the GPU memory until the next batch."""
        import torch

        self.model.to("cpu")
        torch.cuda.empty_cache()


class EmbeddingServer:
    """`POST /v1/embeddings`, many texts per request (vLLM, and servers that speak the same protocol)."""

    def __init__(self, name: str, endpoint: Endpoint):
        self.name = name
        self.endpoint = endpoint

    def encode(self, texts: Sequence[str], progress: bool = False) -> tuple[np.ndarray, np.ndarray]:
        def request(chunk: Sequence[str]) -> dict[str, object]:
            return {"model": self.name, "input": list(chunk), "truncate_prompt_tokens": -1}

        rows = self.endpoint.ask("/v1/embeddings", request, texts, lambda row: np.array(row["embedding"], np.float32))
        if len(shapes := {row.shape for row in rows}) > 1:
            raise RuntimeError(f"the servers of {self.name} returned embeddings of different shapes: {sorted(shapes)}")
        return np.stack(rows), np.zeros(len(texts), bool)

    def rest(self) -> None:
        """Nothing to do: the server manages its own memory."""


class Embedder:
    """Unit-norm embeddings: zero rows for blank texts, equal texts embedded once, values that are not finite refused."""

    def __init__(self, name: str, device: str = "cpu", *, servers: Endpoint | None = None):
        self.name = name
        self.model: SentenceTransformerModel | EmbeddingServer = (
            SentenceTransformerModel(name, device) if servers is None else EmbeddingServer(name, servers)
        )
        # A server that does not answer, or answers in another format, ends the run here.
        self.dimension = self.model.encode(["width"])[0].shape[1]

    def __call__(self, texts: Sequence[str], progress: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings `(n, d)` in float32, and which texts are longer than the model reads."""
        distinct = list(dict.fromkeys(text for text in texts if text.strip()))
        embeddings = np.zeros((len(texts), self.dimension), np.float32)
        truncated = np.zeros(len(texts), bool)
        if not distinct:
            return embeddings, truncated
        vectors, cut = self.model.encode(distinct, progress)
        if vectors.shape != (len(distinct), self.dimension):
            raise RuntimeError(
                f"{self.name} returned embeddings of shape {vectors.shape} for {len(distinct)} texts, but its dimension is "
                f"{self.dimension}"
            )
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        bad = np.flatnonzero(~np.isfinite(norms[:, 0]) | (norms[:, 0] == 0))
        if len(bad):
            raise FloatingPointError(
                f"{self.name} returned a non-finite or zero embedding for the response {distinct[bad[0]][:200]!r}"
            )
        row_of = {text: row for row, text in enumerate(distinct)}
        present = [position for position, text in enumerate(texts) if text in row_of]
        rows = [row_of[texts[position]] for position in present]
        embeddings[present], truncated[present] = (vectors / norms)[rows], cut[rows]
        return embeddings, truncated

    def rest(self) -> None:
        """Free the GPU memory between two batches."""
        self.model.rest()
