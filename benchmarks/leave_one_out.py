"""DQO's bonus: one batched Cholesky for all groups of a size, against a loop over groups and left-out responses.

    python benchmarks/leave_one_out.py [--largest 65536] [--rounds 5]

"determinants" starts from the k x k kernels; "from embeddings" does all that a training step does, including grouping and Gram
matrices, which both sides need.
"""

import argparse
import statistics

import numpy as np
import torch
from common import alternate, ratio, report
from tqdm import tqdm

import dqo_verl

SEED, WIDTH, SIZES = 0, 384, (4, 8, 16, 32, 64)


def loop_of_determinants(kernels: np.ndarray) -> np.ndarray:
    """log det(L + I) - log det(L_{-i} + I), term by term. NumPy: its calls cost less than torch's on small matrices."""
    scores = np.empty(kernels.shape[:2])
    for group, kernel in enumerate(kernels):
        matrix = kernel + np.eye(len(kernel))
        whole = np.linalg.slogdet(matrix)[1]
        for i in range(len(matrix)):
            scores[group, i] = whole - np.linalg.slogdet(np.delete(np.delete(matrix, i, 0), i, 1))[1]
    return scores


def loop_from_embeddings(embeddings: np.ndarray, groups: list[int]) -> np.ndarray:
    scores = np.empty(len(embeddings))
    members = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    for rows in members.values():
        vectors = embeddings[rows].astype(np.float64)
        scores[rows] = loop_of_determinants((vectors @ vectors.T)[None])[0]
    return scores


def measure(k: int, n: int, rounds: int) -> dict[str, float]:
    vectors = np.random.default_rng(SEED).standard_normal((n, WIDTH), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    embeddings = torch.from_numpy(vectors)
    groups = [row // k for row in range(n)]
    kernels = dqo_verl.linear_kernel(embeddings.view(n // k, k, WIDTH).double())
    difference = dqo_verl.loo_logdet(kernels).numpy() - loop_of_determinants(kernels.numpy())
    seconds = alternate(
        {
            "loop": lambda: loop_of_determinants(kernels.numpy()),
            "batched": lambda: dqo_verl.loo_logdet(kernels),
            "loop, all": lambda: loop_from_embeddings(vectors, groups),
            "batched, all": lambda: dqo_verl.leave_one_out_logdet(embeddings, groups),
        },
        rounds,
    )
    ms = {name: 1000 * statistics.median(values) for name, values in seconds.items()}
    return {
        "k": k,
        "responses": n,
        "determinants: loop ms": ms["loop"],
        "batched ms": ms["batched"],
        "ratio": ratio(seconds["loop"], seconds["batched"]),
        "from embeddings: loop ms": ms["loop, all"],
        "batched, all ms": ms["batched, all"],
        "ratio, all": ratio(seconds["loop, all"], seconds["batched, all"]),
        "largest difference": f"{np.abs(difference).max():.0e}",
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--largest", type=int, default=65536)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    # Ray gives verl's trainer process one thread.
    torch.set_num_threads(1)
    numbers = [n for n in (256, 1024, 4096, 16384, 65536) if n <= options.largest]
    cases = [(k, n) for k in SIZES for n in numbers]
    rows = [measure(k, n, options.rounds) for k, n in tqdm(cases, leave=False, disable=None)]
    growth = {
        column: {
            k: round(float(np.polyfit(np.log(numbers), np.log([r[column] for r in rows if r["k"] == k]), 1)[0]), 2)
            for k in SIZES
        }
        for column in ("batched ms", "batched, all ms")
    }
    report(rows, seed=SEED, width=WIDTH, rounds=options.rounds, threads=1, exponent_of_groups=growth)


if __name__ == "__main__":
    main()
