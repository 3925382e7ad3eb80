"""One run of the lab: thirty steps of GRPO from a start policy, with a row of settings and exact evaluation."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.features import Features
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import Settings, parse
from dqo_verl.core.shaping import shape
from dqo_verl.core.target import Target, target_of
from dqo_verl.lab.forest import Forest
from dqo_verl.lab.loss import Tokens, kl, policy_loss
from dqo_verl.lab.model import Example
from dqo_verl.lab.network import Network
from dqo_verl.lab.policies import Exam, Start
from dqo_verl.lab.sampling import Response, sample
from dqo_verl.lab.tasks import Task

EXAMINED_EVERY = 10
UPDATES = 2
# verl's values
WEIGHT_DECAY, LARGEST_GRADIENT, TO_STD = 0.01, 1.0, 1e-6

Curves = dict[int, dict[str, float]]


@dataclass(frozen=True)
class Row:
    """The settings of a run. By default, a step has 32 prompts x 8 responses, in two updates."""

    # settings as typed after +algorithm.diversity.; empty: plain GRPO
    diversity: dict[str, Any] = field(default_factory=dict)
    std: bool = False
    k: int = 8
    prompts: int = 32
    steps: int = 30
    temperature: float = 1.0
    entropy: float = 0.0
    kl: float = 0.0
    lr: float = 1e-3

    def settings(self, task: Task) -> Settings | None:
        if not self.diversity:
            return None
        settings = parse(self.diversity)
        # above this cosine two answers say the same, so the classes are exact
        exact = {"threshold": task.same_above, "partition": "components"} if settings.measure.reads == "classes" else {}
        return parse(self.diversity | exact)


def measures(right: Tensor, alike: Tensor) -> dict[str, float]:
    """Metrics from the probabilities of correct answers `(problems, classes)` and their cosines `alike`; means over problems.

    pass@n: `1 - (1 - P)^n`, where P is the sum over classes. distinct@n: the expected number of distinct correct answers among
    n responses, `sum_c 1 - (1 - p_c)^n`. kept: distinct@10 as a share of its value for a policy that is correct as often and
    gives all correct answers equally often. answers: what `target` steers by, `1 / mean similarity` of two correct answers.
    """
    total = right.sum(dim=-1).clamp(max=1)
    classes = right.shape[-1]
    found = {f"pass@{n}": (1 - (1 - total) ** n).mean() for n in (1, 4, 16, 64)}
    distinct = {n: (1 - (1 - right) ** n).sum(dim=-1).mean() for n in (10, 64)}
    even = (classes * (1 - (1 - total / classes) ** 10)).mean()
    found |= {f"distinct@{n}": value for n, value in distinct.items()} | {"kept": distinct[10] / even}
    of_right = right / right.sum(dim=-1, keepdim=True)
    found["answers"] = 1 / torch.einsum("pi,pij,pj->p", of_right, alike, of_right).mean()
    return {name: round(value.item(), 5) for name, value in found.items()}


def alike_to_the_embedder(task: Task, problems: Sequence[Example], seed: int) -> Tensor:
    """Cosines of the correct answers, each in its first wording, `(problems, classes, classes)`."""
    found = [task.embed([same[0] for same in task.right(truth)], seed).double() for _, truth in problems]
    return torch.stack([vectors @ vectors.mT for vectors in found])


def group_advantages(reward: Tensor, k: int, std: bool) -> Tensor:
    """verl's GRPO: `r - mean` of the group, divided by its standard deviation or not."""
    groups = reward.view(-1, k)
    centred = groups - groups.mean(dim=1, keepdim=True)
    return ((centred / (groups.std(dim=1, keepdim=True) + TO_STD)) if std else centred).flatten()


def advantages(
    texts: list[str], quality: Tensor, row: Row, settings: Settings | None, target: Target | None, task: Task, seed: int
) -> Tensor:
    """The advantages, as in the trainer: the package shapes the rewards, which are then compared within groups."""
    if settings is None:
        return group_advantages(quality, row.k, row.std)
    groups = [i // row.k for i in range(len(texts))]
    embeddings = task.embed(texts, seed)
    if settings.measure.reads == "classes":
        keys = [ResponseKey(str(group), i % row.k) for i, group in enumerate(groups)]
        compared = settings.combine.takes_part(quality)
        features = settings.source.features(keys, compared, texts, embeddings)  # type: ignore[attr-defined]
    else:
        features = Features(texts, texts=texts, embeddings=embeddings)
    shaped = shape(quality, groups, features, target.settings if target else settings)
    if target:
        target.follow(quality, groups, features)
    return group_advantages(quality + shaped.to_reward, row.k, row.std) * shaped.factor + shaped.to_advantage


def update(
    network: Network,
    optimizer: torch.optim.Optimizer,
    start: Start,
    batch: list[Example],
    responses: list[Response],
    earned: Tensor,
    row: Row,
) -> None:
    """One gradient step on some prompts with all their responses."""
    forest, edges, worth, old = Forest(), list[int](), list[float](), list[float]()
    for i, (asked, _) in enumerate(batch):
        root = forest.add_prompt(start.prompt(asked))
        for j in range(i * row.k, (i + 1) * row.k):
            edges += forest.add_response(root, responses[j].tokens)
            worth += [earned[j].item()] * len(responses[j].tokens)
            old += responses[j].log_probs
    planted = forest.planted()
    tokens = Tokens(torch.tensor(edges), torch.tensor(worth), torch.tensor(old))
    log_probs, entropy = planted.log_probs(network, row.temperature)
    loss = policy_loss(log_probs, tokens)
    if row.entropy:
        loss = loss - row.entropy * entropy[tokens.edges].mean()
    if row.kl:
        with torch.no_grad():
            reference = planted.log_probs(start.network, row.temperature)[0]
        loss = loss + row.kl * kl(log_probs, reference, tokens)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
    optimizer.step()


def batches(start: Start, size: int, rng: random.Random) -> Any:
    """Batches of training problems, in a new order in each epoch; an incomplete batch at its end is dropped."""
    while True:
        order = rng.sample(start.train, len(start.train))
        for first in range(0, len(order) - size + 1, size):
            yield order[first : first + size]


def training(
    task: Task, start: Start, row: Row, seed: int, every: int = EXAMINED_EVERY
) -> Iterator[tuple[int, Network, dict[str, float]]]:
    """Train; yield the step, the policy and its metrics, at step 0 and then every `every` steps."""
    network, settings = start.network.copy(), row.settings(task)
    optimizer = torch.optim.AdamW(network.parameters(), lr=row.lr, weight_decay=WEIGHT_DECAY, foreach=True)
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    target = target_of(settings) if settings else None
    exam = Exam(start, task, start.held_out)
    alike = alike_to_the_embedder(task, start.held_out, seed)
    feed = batches(start, row.prompts, rng)
    for step in range(row.steps + 1):
        if step:
            batch = next(feed)
            prompts = [start.prompt(asked) for asked, _ in batch]
            end = start.tokenizer.eos_token_id
            responses = sample(network, prompts, row.k, end, generator, temperature=row.temperature)
            texts = [start.text(response.tokens) for response in responses]
            quality = torch.tensor([task.reward(text, batch[i // row.k][1], rng) for i, text in enumerate(texts)])
            earned = advantages(texts, quality, row, settings, target, task, seed)
            share = len(batch) // UPDATES
            for first in range(0, len(batch), share):
                last = first + share
                own = slice(first * row.k, last * row.k)
                update(network, optimizer, start, batch[first:last], responses[own], earned[own], row)
        if step % every == 0:
            yield step, network, measures(exam(network), alike) | ({"alpha": round(target.alpha, 5)} if target else {})


def run(task: Task, start: Start, row: Row, seed: int) -> Curves:
    """The metrics of a run by step."""
    curves = {step: found for step, _, found in training(task, start, row, seed)}
    for found in curves.values():
        found["share"] = round(found["answers"] / curves[0]["answers"], 5)
    return curves
