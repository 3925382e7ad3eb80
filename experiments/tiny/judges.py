"""The tiny policy's judges: a reward model (which answer has more words?) and a pair classifier (is the wording the same?).

    python -m experiments.tiny.judges DIR          a minute, after experiments.tiny.policy; judges that exist are kept

Both are Qwen2 sequence classifiers that start from the policy's weights and read the same input as real ones: a conversation in
the chat template -> one number; `[CLS] a [SEP] b [SEP]` -> two labels, 1 is "same". They are trained on fresh answers like the
policy's. The reward model pulls the policy towards one wording, as a real one pulls it towards a style.
"""

# mypy: disable-error-code="import-untyped, no-untyped-call"

import random
import sys
from pathlib import Path
from typing import Any, NamedTuple

from experiments.tiny.policy import INSTRUCTION, SEED, problems, question, wordings

STEPS, BATCH, WORDINGS = 100, 32, 5


class Batch(NamedTuple):
    texts: list[str]
    labels: list[int]


def fuller_and_barer(tokenizer: Any, rng: random.Random) -> Batch:
    """Conversations: two answers to each question, the one with more words first."""
    texts = []
    for problem in problems(rng, BATCH):
        total = problem[2] + problem[3] + rng.choice((-1, 0, 0, 0, 1))
        said = sorted(rng.sample(wordings(*problem, total), 2), key=lambda text: -len(text.split()))
        for text in said:
            asked = {"role": "user", "content": f"{question(*problem)} {INSTRUCTION}"}
            texts.append(tokenizer.apply_chat_template([asked, {"role": "assistant", "content": text}], tokenize=False))
    return Batch(texts, [1, 0] * BATCH)


def alike_and_not(tokenizer: Any, rng: random.Random) -> Batch:
    """Pairs of answers to a question, in the format of `models.pair_classifier.PairInput` for a tokenizer without CLS."""
    texts, labels = [], []
    for problem in problems(rng, 2 * BATCH):
        total, same, first = problem[2] + problem[3], rng.random() < 0.5, rng.randrange(WORDINGS)
        second = first if same else (first + rng.randrange(1, WORDINGS)) % WORDINGS
        a, b = wordings(*problem, total)[first], wordings(*problem, total + rng.choice((-1, 0, 0, 0, 1)))[second]
        texts.append(f"<|im_start|>{a}<|im_end|>{b}<|im_end|>")
        labels.append(int(same))
    return Batch(texts, labels)


JUDGES = {"reward_model": (fuller_and_barer, 1), "classifier": (alike_and_not, 2)}


def build(directory: Path, steps: int = STEPS) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(directory / "policy")
    for name, (examples, labels) in JUDGES.items():
        if (directory / name / "complete").exists():
            continue
        rng = random.Random(SEED)
        train(
            directory / "policy", labels, (examples(tokenizer, rng) for _ in range(steps)), steps, tokenizer, name
        ).save_pretrained(directory / name)
        tokenizer.save_pretrained(directory / name)
        (directory / name / "complete").touch()


def train(policy: Path, labels: int, batches: Any, steps: int, tokenizer: Any, name: str) -> Any:
    """Train a judge: cross entropy for two labels; for one, logistic loss of better minus worse answer (Bradley-Terry)."""
    import torch
    from torch.nn.functional import cross_entropy, logsigmoid
    from tqdm import tqdm
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(SEED)
    model = AutoModelForSequenceClassification.from_pretrained(policy, num_labels=labels)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for batch in (bar := tqdm(batches, total=steps, desc=f"tiny {name}", leave=False, disable=None)):
        inputs = tokenizer(batch.texts, padding=True, return_tensors="pt")
        logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
        if labels == 1:
            better, worse = logits.view(-1, 2).unbind(1)
            loss = -logsigmoid(better - worse).mean()
            hits = better > worse
        else:
            target = torch.tensor(batch.labels)
            loss = cross_entropy(logits, target)
            hits = logits.argmax(1) == target
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss.item():.2f}", hits=f"{hits.float().mean().item():.2f}")
    return model


if __name__ == "__main__":
    build(Path(sys.argv[1]))
