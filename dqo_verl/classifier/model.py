"""Turns a backbone into an ordinary Hugging Face sequence classifier with two labels; label 1 is "same"."""

# mypy: disable-error-code="import-untyped, no-untyped-call"

import re
from pathlib import Path
from typing import Any

from dqo_verl.classifier.settings import TrainSettings
from dqo_verl.errors import UserError
from dqo_verl.models.hub import locate
from dqo_verl.models.pair_classifier import PairInput, padding

LABELS = {0: "different", 1: "same"}
# The names of weights that a backbone may lack.
HEAD = re.compile(r"(^|\.)(classifier|score|head|pooler)\.")
DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "attention_dropout",
    "embedding_dropout",
    "mlp_dropout",
)


def input_of(settings: TrainSettings) -> PairInput:
    """The input format of the checkpoint, without token types, because vLLM's /classify does not accept them."""
    pair_input = PairInput(settings.backbone, settings.tokens)
    tokenizer = pair_input.tokenizer
    tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
    # The tokenizer saves these arguments, not its attributes.
    tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names
    return pair_input


def model_of(settings: TrainSettings, pair_input: PairInput) -> Any:
    """The backbone with a fresh two-label head; every weight of its body must come from the checkpoint."""
    import torch
    from transformers import AutoModelForSequenceClassification

    config = pair_input.config
    config.id2label = LABELS
    config.label2id = {name: label for label, name in LABELS.items()}
    config.pad_token_id = padding(pair_input.tokenizer)
    config.similarity_tokens = pair_input.budget
    for name in DROPOUTS:
        if settings.dropout is not None and hasattr(config, name):
            setattr(config, name, settings.dropout)
    # The weights of the head are random.
    torch.manual_seed(settings.seed)
    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            locate(settings.backbone), config=config, dtype=torch.float32, output_loading_info=True
        )
    except RuntimeError as error:
        if "mismatch" not in str(error):
            raise
        raise UserError(
            f"{settings.backbone}: its weights do not have the shapes that its config.json says: {error}"
        ) from error
    missing = sorted(name for name in report["missing_keys"] if not HEAD.search(name))
    if missing:
        raise UserError(
            f"{settings.backbone} does not contain all weights of a {config.model_type} body: {len(missing)} are "
            f"missing, e.g. {', '.join(missing[:3])}. Is its config.json the right one?"
        )
    leave_out_token_types(model)
    if (Path(locate(settings.backbone)) / "modules.json").is_file():
        start_pooler(model)
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    return model


def start_pooler(model: Any) -> None:
    """Start the pooler as the identity: a sentence encoder averages its tokens, so its own pooler was never trained."""
    from torch import nn

    for name, part in model.named_modules():
        if name.endswith("pooler.dense"):
            nn.init.eye_(part.weight)
            nn.init.zeros_(part.bias)


def leave_out_token_types(model: Any) -> None:
    """Remove token types, which a server does not accept: all tokens have type 0, in training and in use."""
    from torch import nn

    for parent in list(model.modules()):
        table = getattr(parent, "token_type_embeddings", None)
        if isinstance(table, nn.Embedding) and table.num_embeddings > 1:
            parent.token_type_embeddings = nn.Embedding.from_pretrained(table.weight[:1].detach().clone(), freeze=False)
    if getattr(model.config, "type_vocab_size", 0) > 1:
        model.config.type_vocab_size = 1
