"""Pairs of texts -> "do they say the same?", by a sequence classification checkpoint, in process or behind vLLM."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dqo_verl.core.pairs import Pair
from dqo_verl.core.settings import Settings
from dqo_verl.models.hub import locate
from dqo_verl.models.servers import Endpoint

BATCH_SIZE = 32
# thresholds on P(same) that belong to public checkpoints: DARLING's two, and NoveltyBench's
KNOWN_THRESHOLDS = {
    "dogtooth/similarity-classifier-f168-hf": 0.32,
    "dogtooth/qwen3-4b-emb-finetuned-step-70-hf": 0.5,
    "yimingzhang/deberta-v3-large-generation-similarity": 0.102,
}
# checkpoints that come without a tokenizer, and whose it is
KNOWN_TOKENIZERS = {"yimingzhang/deberta-v3-large-generation-similarity": "microsoft/deberta-v3-large"}
DEFAULT_THRESHOLD = 0.5


def threshold_of(name: str, config: Any) -> float:
    """What the checkpoint's config says, or what is known of its name (of the folder's, if it was downloaded), or 0.5."""
    own = getattr(config, "similarity_threshold", None)
    if own is not None:
        return float(own)
    by_folder = {Path(known).name: threshold for known, threshold in KNOWN_THRESHOLDS.items()}
    return by_folder.get(Path(name).name, DEFAULT_THRESHOLD)


class PairInput:
    """The one input format: `[CLS] a [SEP] b [SEP]` as token ids, each text cut to its half of what the model reads.

    Tokenizers without CLS and SEP (Qwen) use <|im_start|> and <|im_end|>, as DARLING's code does. What a checkpoint was
    trained with travels in its config: `similarity_tokens` of each text at most, and `similarity_prompt_tokens` of the
    prompt in a part of its own, `[CLS] prompt [SEP] a [SEP] b [SEP]` (0: no such part, as in the papers).
    """

    def __init__(self, name: str, tokens: int | None = None, prompt_tokens: int | None = None):
        from transformers import AutoConfig, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(locate(KNOWN_TOKENIZERS.get(name, name)))
        self.config = AutoConfig.from_pretrained(locate(name))
        types = getattr(self.config, "type_vocab_size", 1)
        self.token_types = "token_type_ids" in self.tokenizer.model_input_names and types > 1
        self.start = self._id("cls_token", "<|im_start|>", "bos_token")
        self.end = self._id("sep_token", "<|im_end|>", "eos_token")
        self.limit = min(self.tokenizer.model_max_length, self.config.max_position_embeddings)
        tokens = tokens or getattr(self.config, "similarity_tokens", None)
        own = getattr(self.config, "similarity_prompt_tokens", 0)
        self.prompt_budget: int = own if prompt_tokens is None else prompt_tokens
        room = (self.limit - 3 - (self.prompt_budget + 1 if self.prompt_budget else 0)) // 2
        if room < 1:
            raise ValueError(
                f"{name} reads {self.limit} tokens: {self.prompt_budget} of the prompt leave no room for a pair"
            )
        # DeBERTa's positions are relative: it reads more than it was trained with, as DARLING's copy of NoveltyBench has it do
        endless = getattr(self.config, "position_biased_input", True) is False
        self.budget = tokens if tokens and endless else min(room, tokens or room)

    def _id(self, role: str, literal: str, fallback: str) -> int:
        vocabulary = self.tokenizer.get_vocab()
        for token in (getattr(self.tokenizer, role, None), literal, getattr(self.tokenizer, fallback, None)):
            if isinstance(token, str) and token in vocabulary:
                return int(vocabulary[token])
        raise ValueError(f"the tokenizer has none of {role}, {literal}, {fallback} to mark the parts of a pair")

    def encode(
        self, pairs: Sequence[Pair], prompts: Sequence[str] | None = None
    ) -> tuple[list[list[int]], list[int], set[str]]:
        """Token ids of each pair, where its second text begins, and the responses that were cut."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        ids = self._tokens(texts)
        cut = {text for text in texts if len(ids[text]) > self.budget}
        heads = [[self.start]] * len(pairs)
        if self.prompt_budget:
            if prompts is None:
                raise ValueError("this classifier reads the prompt, too (similarity_prompt_tokens), and was given none")
            asked = self._tokens(list(dict.fromkeys(prompts)))
            heads = [[self.start, *asked[prompt][: self.prompt_budget], self.end] for prompt in prompts]
        rows, second = [], []
        for (a, b), head in zip(pairs, heads, strict=True):
            first = [*head, *ids[a][: self.budget], self.end]
            rows.append([*first, *ids[b][: self.budget], self.end])
            second.append(len(first))
        return rows, second, cut

    def _tokens(self, texts: Sequence[str]) -> dict[str, list[int]]:
        tokenized = self.tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        return dict(zip(texts, tokenized, strict=True))


def padding(tokenizer: Any) -> int:
    """The token that fills a batch up; Qwen's and BERT's have one, others repeat their last."""
    return int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)


def padded(rows: Sequence[list[int]], pad: int) -> dict[str, Any]:
    """Token ids of different lengths as one batch, filled up on the right and masked."""
    import torch

    ids = torch.full((len(rows), max(map(len, rows))), pad)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


class LocalClassifier:
    """Any two-label sequence classifier in this process; label 1 is "same"."""

    def __init__(self, name: str, device: str, pair_input: PairInput):
        import torch
        from transformers import AutoModelForSequenceClassification

        self.torch, self.device = torch, device
        self.model, report = AutoModelForSequenceClassification.from_pretrained(locate(name), output_loading_info=True)
        missing, labels = list(report["missing_keys"]), self.model.config.num_labels
        if missing or labels != 2:
            raise ValueError(
                f"{name} is not a trained pair classifier: {labels} labels (2 are needed), weights missing: {missing[:3]}"
            )
        self.model.to(device).eval()
        self.pad = self.model.config.pad_token_id = padding(pair_input.tokenizer)
        self.types = pair_input.token_types

    def probabilities(self, rows: list[list[int]], second: list[int]) -> list[float]:
        self.model.to(self.device)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        found = np.empty(len(rows))
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            inputs = padded([rows[i] for i in batch], self.pad)
            if self.types:
                types = self.torch.zeros_like(inputs["input_ids"])
                for j, i in enumerate(batch):
                    types[j, second[i] : len(rows[i])] = 1
                inputs["token_type_ids"] = types
            with self.torch.inference_mode():
                logits = self.model(**{key: value.to(self.device) for key, value in inputs.items()}).logits
            found[batch] = logits.float().softmax(-1)[:, 1].cpu().numpy()
        return found.tolist()

    def rest(self) -> None:
        """Give the GPU's memory back until the next batch."""
        self.model.to("cpu")
        self.torch.cuda.empty_cache()


class ClassifierServer:
    """vLLM's `POST /classify`, many pairs per request, as token ids: the server adds nothing of its own."""

    def __init__(self, name: str, endpoint: Endpoint, pair_input: PairInput):
        if pair_input.token_types:
            raise ValueError(f"{name} reads token types, which /classify cannot be given: use placement=cpu or gpu")
        self.name, self.endpoint = name, endpoint

    def probabilities(self, rows: list[list[int]], second: list[int]) -> list[float]:
        def request(chunk: Sequence[Any]) -> dict[str, Any]:
            return {"model": self.name, "input": list(chunk)}

        return self.endpoint.ask("/classify", request, rows, lambda row: float(row["probs"][1]))

    def rest(self) -> None:
        """The server's memory is its own."""


class PairClassifier:
    """Decisions for pairs, with the threshold that belongs to the checkpoint unless one is typed."""

    def __init__(self, settings: Settings, device: str):
        self.name = str(settings.classifier)
        self.both_orders = settings.both_orders
        self.input = PairInput(self.name)
        if settings.placement == "http":
            self.model: LocalClassifier | ClassifierServer = ClassifierServer(self.name, Endpoint(settings), self.input)
        else:
            self.model = LocalClassifier(self.name, device, self.input)
        if self.input.prompt_budget:
            raise ValueError(
                f"{self.name} was trained to read the prompt, which a training step does not hand it. "
                "Train it without: dqo-verl classifier train --prompt-tokens 0"
            )
        own = threshold_of(self.name, self.input.config)
        self.threshold = own if settings.threshold is None else settings.threshold
        self.probabilities([("one", "another")])  # a server that does not answer, or not so, ends the run here
        print(f"[dqo_verl] {self.name}: two responses are the same above {self.threshold:g}", flush=True)

    def __call__(self, pairs: Sequence[Pair]) -> tuple[list[bool], set[str]]:
        """Whether each pair is the same, and the texts that were cut. A pair is asked once, or in both orders and averaged."""
        found, cut = self.probabilities(pairs)
        if self.both_orders:
            turned, _ = self.probabilities([(b, a) for a, b in pairs])
            found = [(p + q) / 2 for p, q in zip(found, turned, strict=True)]
        return [p > self.threshold for p in found], cut

    def probabilities(self, pairs: Sequence[Pair]) -> tuple[list[float], set[str]]:
        rows, second, cut = self.input.encode(pairs)
        found = self.model.probabilities(rows, second)
        bad = [pair for pair, p in zip(pairs, found, strict=True) if not np.isfinite(p)]
        if bad:
            raise FloatingPointError(f"{self.name} gave a non-finite probability for the responses {bad[0]!r}"[:400])
        return found, cut
