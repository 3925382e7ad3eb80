"""Policies before reinforcement learning: made, trained on an imperfect teacher's answers, and evaluated without sampling."""

# mypy: disable-error-code="no-untyped-call"

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from tqdm import trange

from dqo_verl.lab.forest import Forest, Planted
from dqo_verl.lab.model import Example, byte_tokenizer, new_policy
from dqo_verl.lab.network import Network
from dqo_verl.lab.tasks import Task

# the question, a newline, the answer
BARE = "{% for m in messages %}{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}{{ '\n' }}{% endif %}"
# lessons (questions with the teacher's answer) in a training step
BATCH = 128
# prompts for reinforcement learning; the other 32 are held out of it (the lessons have all prompts)
TRAIN = 64
# reinforcement learning starts from this share of correct answers; until then the lessons are repeated at most this many times
ENOUGH = 0.5
TIMES = 3


@dataclass
class Start:
    """A policy before reinforcement learning, and its problems in random order: the first are for training."""

    network: Network
    tokenizer: Any
    problems: list[Example]
    # a cache: token ids by text
    known: dict[str, list[int]] = field(default_factory=dict)

    @property
    def train(self) -> list[Example]:
        return self.problems[:TRAIN]

    @property
    def held_out(self) -> list[Example]:
        return self.problems[TRAIN:]

    def prompt(self, asked: str) -> list[int]:
        return self._ids(f"{asked}\n")

    def response(self, text: str) -> list[int]:
        return [*self._ids(text), self.tokenizer.eos_token_id]

    def _ids(self, text: str) -> list[int]:
        if text not in self.known:
            self.known[text] = self.tokenizer(text)["input_ids"]
        return self.known[text]

    def text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True)).strip()


class Exam:
    """The exact probability of every correct answer to some problems, without sampling."""

    def __init__(self, start: Start, task: Task, problems: Sequence[Example]):
        forest, self.paths = Forest(), []
        for asked, truth in problems:
            root = forest.add_prompt(start.prompt(asked))
            self.paths.append(
                [[forest.add_response(root, start.response(text)) for text in same] for same in task.right(truth)]
            )
        self.planted: Planted = forest.planted()

    @torch.inference_mode()
    def __call__(self, network: Network) -> Tensor:
        """Probabilities of the classes of correct answers, summed over wordings, `(problems, classes)` in double precision."""
        log_probs = self.planted.log_probs(network)[0].double()
        return torch.stack([torch.stack([sum_of_paths(log_probs, same) for same in classes]) for classes in self.paths])


def sum_of_paths(log_probs: Tensor, paths: Sequence[Sequence[int]]) -> Tensor:
    return torch.stack([log_probs[path].sum() for path in paths]).exp().sum()


class UntaughtError(RuntimeError):
    """After its lessons, less than half of a policy's answers are correct: reinforcement learning cannot start from it."""


def teach(task: Task, seed: int, name: str, shows: bool = False) -> Start:
    """Train on the noisy teacher's answers until half of the policy's are correct; one seed of five needs the lessons twice.

    `shows`: with a progress bar.
    """
    rng = random.Random(seed)
    problems = task.problems()

    def batch() -> list[Example]:
        return [(asked, task.answer(rng, truth)) for asked, truth in rng.choices(problems, k=BATCH)]

    corpus = [text for _ in range(20) for example in batch() for text in example]
    tokenizer = byte_tokenizer(corpus, vocab_size=1000, chat_template=BARE)
    network = Network.of(new_policy(tokenizer, seed)).copy()
    start = Start(network, tokenizer, problems)
    exam = Exam(start, task, problems)
    for _ in range(TIMES):
        learn(start, batch, task.lessons, shows)
        if exam(network).sum(-1).mean() >= ENOUGH:
            break
    else:
        raise UntaughtError(
            f"{name}, start policy {seed}: less than half of the answers are correct after {TIMES} x {task.lessons} lessons"
        )
    rng.shuffle(problems)
    network.weights = {name: weight.detach() for name, weight in network.weights.items()}
    return start


def learn(start: Start, batch: Callable[[], Sequence[Example]], lessons: int, shows: bool) -> None:
    """One pass over fresh batches: cross entropy per token of the answer."""
    network = start.network
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, foreach=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=lessons)
    # without a terminal that redraws the bar, print it every ten seconds
    often = 0.1 if sys.stderr.isatty() else 10
    for _ in trange(lessons, desc="teaching the policy", leave=False, mininterval=often, disable=not shows):
        forest, roots, edges = Forest(), dict[str, int](), list[int]()
        for asked, answer in batch():
            if asked not in roots:
                roots[asked] = forest.add_prompt(start.prompt(asked))
            edges += forest.add_response(roots[asked], start.response(answer))
        loss = -forest.planted().log_probs(network)[0][edges].mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
