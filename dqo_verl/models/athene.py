"""Athene-RM: a Llama body and `v_head`, a linear map without bias, read at a CLS token appended to the conversation.

quality(x, y) = v_head . h(CLS), where h is the body's last hidden state (after the final norm). The checkpoints
(Nexusflow/Athene-RM-8B) name an architecture that neither transformers nor vLLM knows; loaded as a plain sequence
classifier they would silently get a random head.
"""

# mypy: disable-error-code="no-untyped-call"

from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlamaModel, LlamaPreTrainedModel

HEAD = "v_head.weight"


class AtheneForSequenceClassification(LlamaPreTrainedModel):
    def __init__(self, config: Any):
        super().__init__(config)
        self.model = LlamaModel(config)
        self.v_head = nn.Linear(config.hidden_size, 1, bias=False)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """One number per row; the CLS token is the last token that the mask keeps."""
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
        rows = torch.arange(len(input_ids), device=input_ids.device)
        scores: Tensor = self.v_head(hidden[rows, attention_mask.sum(dim=1) - 1])
        return scores.squeeze(-1)
