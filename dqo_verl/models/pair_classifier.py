"""Pairs of texts -> "do they say the same?", by a sequence classification checkpoint, in this process or served by vLLM."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dqo_verl.core.pairs import Pair
from dqo_verl.errors import UserError
from dqo_verl.models.hub import locate
from dqo_verl.models.servers import Endpoint

# thresholds on P(same) of public checkpoints: DARLING's two, and NoveltyBench's
KNOWN_THRESHOLDS = {
    "dogtooth/similarity-classifier-f168-hf": 0.32,
    "dogtooth/qwen3-4b-emb-finetuned-step-70-hf": 0.5,
    "yimingzhang/deberta-v3-large-generation-similarity": 0.102,
}
# checkpoints without a tokenizer -> the model whose tokenizer they use
KNOWN_TOKENIZERS = {"yimingzhang/deberta-v3-large-generation-similarity": "microsoft/deberta-v3-large"}
DEFAULT_THRESHOLD = 0.5


def threshold_of(name: str, config: Any) -> float:
    """The threshold in the checkpoint's config, else the known one for its name or folder name, else 0.5."""
    own = getattr(config, "similarity_threshold", None)
    if own is not None:
        return float(own)
    by_folder = {Path(known).name: threshold for known, threshold in KNOWN_THRESHOLDS.items()}
    return by_folder.get(Path(name).name, DEFAULT_THRESHOLD)


class PairInput:
    """The input of every classifier: `[CLS] a [SEP] b [SEP]` as token ids, each text cut to half of what the model reads.

    Tokenizers without CLS and SEP (Qwen) use <|im_start|> and <|im_end|>, as DARLING's code does. The config of a checkpoint
    has the length that it was trained with: at most `similarity_tokens` of each text.
    """

    def __init__(self, name: str, tokens: int | None = None):
        from transformers import AutoConfig, AutoTokenizer

        try:
            self.tokenizer = AutoTokenizer.from_pretrained(locate(KNOWN_TOKENIZERS.get(name, name)))
            self.config = AutoConfig.from_pretrained(locate(name))
        except OSError as error:
            raise UserError(
                f"The model {name!r} cannot be loaded: {error}\nIt must be the folder or the hub name of a transformers "
                "model with its tokenizer."
            ) from error
        types = getattr(self.config, "type_vocab_size", 1)
        self.token_types = "token_type_ids" in self.tokenizer.model_input_names and types > 1
        self.start = self._id("cls_token", "<|im_start|>", "bos_token")
        self.end = self._id("sep_token", "<|im_end|>", "eos_token")
        self.limit = min(self.tokenizer.model_max_length, self.config.max_position_embeddings)
        tokens = tokens or getattr(self.config, "similarity_tokens", None)
        if getattr(self.config, "similarity_prompt_tokens", 0):
            raise UserError(
                f"{name} was trained to read the prompt, too (similarity_prompt_tokens in its config.json), but dqo_verl "
                "compares two responses without their prompt. Train it again with this version of dqo-verl classifier train."
            )
        room = (self.limit - 3) // 2
        if room < 1:
            raise UserError(
                f"{name} reads {self.limit} tokens, which leaves no room for a pair. Use another classifier."
            )
        # DeBERTa's positions are relative: it can read more than it was trained with, as DARLING's copy of NoveltyBench does
        endless = getattr(self.config, "position_biased_input", True) is False
        self.budget = tokens if tokens and endless else min(room, tokens or room)

    def _id(self, role: str, literal: str, fallback: str) -> int:
        vocabulary = self.tokenizer.get_vocab()
        for token in (getattr(self.tokenizer, role, None), literal, getattr(self.tokenizer, fallback, None)):
            if isinstance(token, str) and token in vocabulary:
                return int(vocabulary[token])
        raise ValueError(f"the tokenizer has none of {role}, {literal}, {fallback} to mark the parts of a pair")

    def encode(self, pairs: Sequence[Pair]) -> tuple[list[list[int]], list[int], set[str]]:
        """Token ids of each pair, where its second text begins, and the responses that were cut."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        tokenized = self.tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        ids = dict(zip(texts, tokenized, strict=True))
        rows, second = [], []
        for a, b in pairs:
            first = [self.start, *ids[a][: self.budget], self.end]
            rows.append([*first, *ids[b][: self.budget], self.end])
            second.append(len(first))
        return rows, second, {text for text in texts if len(ids[text]) > self.budget}


def padding(tokenizer: Any) -> int:
    """The id of the padding token, or of the end token if the tokenizer has none; Qwen's and BERT's have one."""
    return int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)


def padded(rows: Sequence[list[int]], pad: int) -> dict[str, Any]:
    """Token ids of different lengths as one batch, padded on the right and masked."""
    import torch

    ids = torch.full((len(rows), max(map(len, rows))), pad)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


class LocalClassifier:
    """Any two-label sequence classifier in this process; label 1 is "same"."""

    pairs_at_once = 32
    # of the padded batch; about four make a token
    characters_at_once = 2**17

    def __init__(self, name: str, device: str, pair_input: PairInput):
        import torch
        from transformers import AutoModelForSequenceClassification

        self.torch = torch
        self.device = device
        self.model, report = AutoModelForSequenceClassification.from_pretrained(locate(name), output_loading_info=True)
        missing = list(report["missing_keys"])
        labels = self.model.config.num_labels
        if missing or labels != 2:
            raise UserError(
                f"{name} is not a trained pair classifier: {labels} labels (2 are needed), weights missing: {missing[:3]}"
            )
        # no more tokens follow
        self.model.config.use_cache = False
        self.model.to(device).eval()
        self.pad = self.model.config.pad_token_id = padding(pair_input.tokenizer)
        self.types = pair_input.token_types

    def probabilities(self, rows: list[list[int]], second: list[int]) -> list[float]:
        """P(same) of each pair of one batch."""
        # `rest` moves the model to the CPU.
        self.model.to(self.device)
        inputs = padded(rows, self.pad)
        if self.types:
            types = self.torch.zeros_like(inputs["input_ids"])
            for i, row in enumerate(rows):
                types[i, second[i] : len(row)] = 1
            inputs["token_type_ids"] = types
        with self.torch.inference_mode():
            logits = self.model(**{key: value.to(self.device) for key, value in inputs.items()}).logits
        found: list[float] = logits.float().softmax(-1)[:, 1].tolist()
        return found

    def rest(self) -> None:
        """Free the GPU memory until the next batch."""
        self.model.to("cpu")
        self.torch.cuda.empty_cache()


class ClassifierServer:
    """vLLM's `POST /classify`, many pairs per request, as token ids, to which the server adds nothing."""

    # `Endpoint` splits them into requests
    pairs_at_once = 4096
    characters_at_once = 2**40

    def __init__(self, name: str, endpoint: Endpoint, pair_input: PairInput):
        if pair_input.token_types:
            raise UserError(f"{name} reads token types, which /classify does not accept: use placement=cpu or gpu")
        self.name = name
        self.endpoint = endpoint

    def probabilities(self, rows: list[list[int]], second: list[int]) -> list[float]:
        def request(chunk: Sequence[Any]) -> dict[str, Any]:
            return {"model": self.name, "input": list(chunk)}

        return self.endpoint.ask("/classify", request, rows, _probability)

    def rest(self) -> None:
        """Nothing to do: the server manages its own memory."""


def _probability(row: dict[str, Any]) -> float:
    found = float(row["probs"][1])
    if not 0 <= found <= 1:
        raise ValueError(f"{found} is not a probability")
    return found


class PairClassifier:
    """Decides on pairs: they are the same above the threshold, which is the checkpoint's own unless one is given.

    With `both_orders` a pair is asked as (a, b) and as (b, a), and the two probabilities are averaged.
    """

    def __init__(
        self,
        name: str,
        device: str = "cpu",
        *,
        threshold: float | None = None,
        both_orders: bool = False,
        tokens: int | None = None,
        servers: Endpoint | None = None,
    ):
        self.name = name
        self.both_orders = both_orders
        self.input = PairInput(name, tokens)
        self.model: LocalClassifier | ClassifierServer = (
            LocalClassifier(name, device, self.input)
            if servers is None
            else ClassifierServer(name, servers, self.input)
        )
        self.threshold = threshold_of(name, self.input.config) if threshold is None else threshold
        # A server that does not answer, or answers in another format, ends the run here.
        self.probabilities([("one", "another")])

    def __call__(self, pairs: Sequence[Pair], progress: bool = False) -> tuple[list[bool], set[str]]:
        """Whether the texts of each pair are the same, and the texts that were cut."""
        turned = [(b, a) for a, b in pairs] if self.both_orders else []
        found, cut = self.probabilities([*pairs, *turned], progress)
        if self.both_orders:
            found = [(p + q) / 2 for p, q in zip(found[: len(pairs)], found[len(pairs) :], strict=True)]
        return [p > self.threshold for p in found], cut

    def probabilities(self, pairs: Sequence[Pair], progress: bool = False) -> tuple[list[float], set[str]]:
        """P(same) of each pair, and the texts that were cut. Pairs of similar length share a batch, to save padding."""
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]), reverse=True)
        found = np.empty(len(pairs))
        cut = set[str]()
        for batch in tqdm(self._batches(order, pairs), desc="pairs", unit="batch", disable=None if progress else True):
            rows, second, too_long = self.input.encode([pairs[i] for i in batch])
            found[batch] = self.model.probabilities(rows, second)
            cut |= too_long
        bad = np.flatnonzero(~np.isfinite(found))
        if len(bad):
            raise FloatingPointError(
                f"{self.name} returned a non-finite probability for the responses {pairs[bad[0]]!r}"[:400]
            )
        return found.tolist(), cut

    def _batches(self, order: Sequence[int], pairs: Sequence[Pair]) -> list[Sequence[int]]:
        """Batches of indices into `pairs`, the longest first; long pairs share a batch with fewer others."""
        found, start = [], 0
        while start < len(order):
            longest = sum(map(len, pairs[order[start]]))
            size = min(self.model.pairs_at_once, max(1, self.model.characters_at_once // max(1, longest)))
            found.append(order[start : start + size])
            start += size
        return found

    def rest(self) -> None:
        """Free the GPU memory between two batches."""
        self.model.rest()
