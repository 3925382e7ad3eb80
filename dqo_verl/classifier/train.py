"""Fine-tune a backbone on labelled pairs: class-weighted cross-entropy, any number of processes, resumable at every step.

Everything that an update depends on (its pairs, learning rate, dropout) is a function of the seed and the step, so a killed
run resumes from its last saved state and ends with the same weights. The loss of an update is
`sum_i w(y_i) CE_i / sum_i w(y_i)` over its whole batch, for any split into micro-batches and processes.
"""

# mypy: disable-error-code="import-untyped, no-untyped-call"

import contextlib
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dqo_verl.classifier.data import LabelledPair, check_both_classes
from dqo_verl.classifier.model import HEAD, input_of, model_of
from dqo_verl.classifier.runs import claim, last_state, log_until
from dqo_verl.classifier.schedule import Ordered, batch_of, class_weights, learning_rate
from dqo_verl.classifier.settings import TrainSettings
from dqo_verl.errors import UserError
from dqo_verl.models.pair_classifier import padded, padding

GRADIENT_NORM = 1.0


def accelerator_of(settings: TrainSettings) -> Any:
    import torch
    from accelerate import Accelerator

    if settings.precision == "fp16" and not torch.cuda.is_available():
        raise UserError("--precision fp16 needs a GPU. Without one, use --precision bf16 or no")
    accelerator = Accelerator(mixed_precision=settings.precision)
    if settings.batch % accelerator.num_processes:
        raise UserError(
            f"--batch {settings.batch} is not a multiple of the number of processes, {accelerator.num_processes}: "
            "choose one that is"
        )
    return accelerator


class Trainer:
    """Holds the model and the optimizer, and makes the updates."""

    def __init__(self, pairs: Sequence[LabelledPair], settings: TrainSettings):
        import torch

        self.torch = torch
        self.pairs = pairs
        self.settings = settings
        self.accelerator = accelerator_of(settings)
        self.input = input_of(settings)
        self.pad = padding(self.input.tokenizer)
        self.weights = class_weights([pair.similar for pair in pairs])
        model = model_of(settings, self.input)
        groups = [
            {"params": [p for n, p in model.named_parameters() if bool(HEAD.search(n)) == is_head], "head": is_head}
            for is_head in (False, True)
        ]
        optimizer = torch.optim.AdamW(groups, lr=settings.lr, weight_decay=settings.weight_decay)
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.model.train()

    def update(self, step: int) -> float:
        """One optimizer step; returns the loss of the whole batch."""
        torch = self.torch
        accelerator = self.accelerator
        settings = self.settings
        # Dropout differs between steps and between processes.
        torch.manual_seed((settings.seed << 40) + (step << 12) + accelerator.process_index)
        whole = batch_of(step, len(self.pairs), settings)
        total = sum(self.weights[self.pairs[one.pair].similar] for one in whole)
        rows = self.rows(whole)
        by_length = sorted(range(len(whole)), key=lambda i: len(rows[i]))
        own = by_length[accelerator.process_index :: accelerator.num_processes]
        parts = [own[i : i + settings.micro_batch] for i in range(0, len(own), settings.micro_batch)]
        loss_so_far = torch.zeros((), device=accelerator.device)
        for part in parts:
            inputs = {k: v.to(accelerator.device) for k, v in padded([rows[i] for i in part], self.pad).items()}
            labels = torch.tensor([self.pairs[whole[i].pair].similar for i in part], device=accelerator.device)
            waits = contextlib.nullcontext() if part is parts[-1] else accelerator.no_sync(self.model)
            with waits:
                logits = self.model(**inputs).logits.float()
                weights = torch.tensor(self.weights, device=accelerator.device)
                each = torch.nn.functional.cross_entropy(logits, labels, weight=weights, reduction="none")
                loss = each.sum() / total
                # The gradients of the processes are averaged, not added.
                accelerator.backward(loss * accelerator.num_processes)
            loss_so_far += loss.detach()
        accelerator.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        for group in self.optimizer.param_groups:
            factor = settings.head_lr / settings.lr if settings.head_lr and group["head"] else 1.0
            group["lr"] = learning_rate(step, settings) * factor
        self.optimizer.step()
        self.optimizer.zero_grad()
        found = float(accelerator.reduce(loss_so_far, "sum"))
        if found != found:
            raise UserError(f"the loss of step {step + 1} is not a number: use a lower --lr, or --precision no")
        return found

    def rows(self, batch: Sequence[Ordered]) -> list[list[int]]:
        chosen = [self.pairs[one.pair] for one in batch]
        texts = [(p.b, p.a) if one.turned else (p.a, p.b) for one, p in zip(batch, chosen, strict=True)]
        return self.input.encode(texts)[0]

    def cut(self) -> tuple[int, int]:
        """The number of responses that are longer than the token budget, and the number of all responses."""
        texts = [(pair.a, pair.b) for pair in self.pairs]
        _, _, cut = self.input.encode(texts)
        return sum(a in cut for a, _ in texts) + sum(b in cut for _, b in texts), 2 * len(texts)

    def save_state(self, state: Path, step: int) -> None:
        """Save the state after `step` updates; the previous state is deleted once this one is complete."""
        partial = state / "partial"
        self.accelerator.save_state(str(partial))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            before = list(state.glob("step-*"))
            partial.rename(state / f"step-{step}")
            for path in before:
                shutil.rmtree(path)
        self.accelerator.wait_for_everyone()

    def export(self, directory: Path) -> None:
        """Write an ordinary Hugging Face checkpoint, which appears only when it is complete."""
        weights = self.accelerator.get_state_dict(self.model)
        if self.accelerator.is_main_process:
            partial = directory.with_name(directory.name + ".partial")
            self.accelerator.unwrap_model(self.model).save_pretrained(partial, state_dict=weights)
            self.input.tokenizer.save_pretrained(partial)
            partial.rename(directory)
        self.accelerator.wait_for_everyone()


def train(pairs: Sequence[LabelledPair], settings: TrainSettings, out: Path, save_every: int, name: str) -> Path:
    """Train the checkpoint `out/model`. A killed run resumes on the next call; a finished one returns at once."""
    from tqdm import tqdm

    settings.check()
    check_both_classes(pairs, name)
    claim(out, settings, pairs)
    directory, state = out / "model", out / "state"
    if directory.is_dir():
        shutil.rmtree(state, ignore_errors=True)
        return directory
    trainer = Trainer(pairs, settings)
    main = trainer.accelerator.is_main_process
    done, saved = last_state(state)
    if saved is not None:
        trainer.accelerator.load_state(str(saved))
    if main:
        cut, texts = trainer.cut()
        print(
            f"{name}: {len(pairs)} pairs; {cut} of {texts} responses cut to {trainer.input.budget} tokens", flush=True
        )
        log_until(out / "log.jsonl", done)
    began = time.perf_counter()
    bar = tqdm(
        range(done, settings.steps), desc=name, initial=done, total=settings.steps, disable=None if main else True
    )
    for step in bar:
        loss = trainer.update(step)
        if main:
            seconds = round(time.perf_counter() - began, 1)
            line = {"step": step + 1, "loss": loss, "lr": learning_rate(step, settings), "seconds": seconds}
            with (out / "log.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
            bar.set_postfix(loss=f"{loss:.3f}")
        if (step + 1) % save_every == 0 and step + 1 < settings.steps:
            trainer.save_state(state, step + 1)
    trainer.export(directory)
    if main:
        shutil.rmtree(state, ignore_errors=True)
    return directory
