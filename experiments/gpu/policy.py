"""Creates a policy of realistic size without a hub: Qwen2.5-0.5B's shape and vocabulary size, random weights, and sums as data.

    python -m experiments.gpu.policy DIR [LAYERS VOCABULARY]

The vocabulary is the 256 bytes, then words of two, three and four lower-case letters, each with and without a blank in front,
until it is full, so random tokens are readable, and an embedder reads about as many tokens as the policy writes. An untrained
policy almost never ends its response, so responses have full length.
"""

# mypy: disable-error-code="import-untyped, no-untyped-call, arg-type"

import itertools
import random
import string
import sys
from pathlib import Path
from typing import Any

from dqo_verl.lab.model import CHATML
from experiments.tiny.model import write_data
from experiments.tiny.policy import asked, problems

VOCABULARY, LAYERS, ROWS = 151_936, 24, 1024
# how byte-level tokenizers write a blank
BLANK = "Ġ"
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def tokenizer(size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    merges, letters = [], string.ascii_lowercase
    pairs = ["".join(pair) for pair in itertools.product(letters, repeat=2)]
    longer = itertools.chain(
        itertools.product(letters, letters), itertools.product(pairs, letters), itertools.product(pairs, pairs)
    )
    for left, right in longer:
        for first, second in ((left, right), (BLANK, left + right)):
            if len(vocabulary) < size and first + second not in vocabulary:
                vocabulary[first + second] = len(vocabulary)
                merges.append((first, second))
        if len(vocabulary) == size:
            break
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(list(SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=SPECIAL[2], pad_token=SPECIAL[0], chat_template=CHATML, model_max_length=4096
    )


def build(directory: Path, layers: int = LAYERS, vocabulary: int = VOCABULARY) -> None:
    if (directory / "complete").exists():
        return
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    words = tokenizer(vocabulary)
    config = Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=layers,
        num_attention_heads=14,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        dtype="bfloat16",
    )
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Qwen2ForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(directory / "policy")
    words.save_pretrained(directory / "policy")
    rng = random.Random(0)
    (directory / "gsm8k").mkdir(parents=True, exist_ok=True)
    for split, size in (("train", ROWS), ("test", 16)):
        truths = [(asked(problem), str(problem[2] + problem[3])) for problem in problems(rng, size)]
        write_data(directory / "gsm8k" / f"{split}.parquet", "tiny_sums", truths)
    (directory / "complete").touch()


if __name__ == "__main__":
    build(Path(sys.argv[1]), *map(int, sys.argv[2:]))
