"""verl's critic without flash-attn: `load_valuehead_model` names flash_attention_2, whatever the config says."""

from types import ModuleType
from typing import Any


def load_with_sdpa(module: ModuleType) -> None:
    """Hook for `verl.utils.model`: load a value model with PyTorch's own attention."""

    def load(local_path: str, torch_dtype: Any, model_config: Any, trust_remote_code: bool) -> Any:
        from transformers import AutoModelForTokenClassification

        return AutoModelForTokenClassification.from_pretrained(
            local_path,
            dtype=torch_dtype,
            config=model_config,
            attn_implementation="sdpa",
            trust_remote_code=trust_remote_code,
        )

    module.load_valuehead_model = load
