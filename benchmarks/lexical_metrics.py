"""Times the lexical metrics against pairwise loops over sacrebleu and rouge-score that give the same numbers.

    python benchmarks/lexical_metrics.py [--prompts 1000] [--responses 10] [--words 200] [--naive 20] [--workers N]

The loops run on `--naive` prompts, and the table scales their time up. Words are drawn from a Zipf-like vocabulary.
"""

import argparse
import itertools
import os
import platform
import time

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from dqo_verl.evaluation.metrics.lexical import distinct_n
from dqo_verl.evaluation.metrics.of_texts import text_metrics_of_groups
from dqo_verl.provenance import version_of


def make_groups(prompts: int, responses: int, words: int, seed: int = 0) -> list[list[str]]:
    """Responses of `words` words; each group has its own preferred words, like texts about one subject."""
    generator = np.random.default_rng(seed)
    vocabulary = np.array([f"word{i}" for i in range(20_000)])
    groups = []
    for _ in range(prompts):
        topic = generator.integers(0, 20_000, 200)
        common = np.minimum(generator.zipf(1.3, (responses, words)), 20_000) - 1
        chosen = np.where(
            generator.random((responses, words)) < 0.4, generator.choice(topic, (responses, words)), common
        )
        groups.append([" ".join(vocabulary[row]) for row in chosen])
    return groups


def naive(texts: list[str], bleu: BLEU, rouge: RougeScorer) -> dict[str, float]:
    """The metrics by definition: each response against the others, or each pair alone."""
    others = [texts[:i] + texts[i + 1 :] for i in range(len(texts))]
    bleus = [bleu.sentence_score(text, rest).score / 100 for text, rest in zip(texts, others, strict=True)]
    rouges = [rouge.score(a, b)["rougeL"].fmeasure for a, b in itertools.combinations(texts, 2)]
    values = {f"distinct_{n}": distinct_n(texts, n) for n in (1, 2, 4)}
    return values | {"self_bleu": 1 - float(np.mean(bleus)), "self_rouge": 1 - float(np.mean(rouges))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("prompts", 1000), ("responses", 10), ("words", 200), ("naive", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    groups = make_groups(args.prompts, args.responses, args.words)

    start = time.perf_counter()
    fast = text_metrics_of_groups(groups, args.workers)
    seconds = time.perf_counter() - start
    bleu, rouge = BLEU(effective_order=True), RougeScorer(["rougeL"])
    start = time.perf_counter()
    slow = [naive(texts, bleu, rouge) for texts in groups[: args.naive]]
    naive_seconds = (time.perf_counter() - start) * args.prompts / args.naive
    for ours, theirs in zip(fast, slow, strict=False):
        assert all(abs(ours[name] - value) < 1e-9 for name, value in theirs.items()), (ours, theirs)

    print(f"{args.prompts} prompts x {args.responses} responses x {args.words} words; ", end="")
    print(
        f"Python {platform.python_version()}, sacrebleu {version_of('sacrebleu')}, rouge-score {version_of('rouge-score')}\n"
    )
    print("| what | processes | seconds | ratio |\n|---|---|---|---|")
    print(f"| dqo_verl | {args.workers} | {seconds:.1f} | 1 |")
    print(f"| pairwise loops (scaled up from {args.naive}) | 1 | {naive_seconds:.0f} | {naive_seconds / seconds:.0f} |")


if __name__ == "__main__":
    main()
