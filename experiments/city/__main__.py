"""DQO's toy with cities (arXiv 2509.04784): does mean pairwise distance end in two clusters, while the determinant spreads?

    python -m experiments.city DIR [--seeds 10]          minutes on one core; writes result.json and map.svg

The policy starts uniform over the cities.

No source states the paper's cities, embeddings or training; these are our choices. The claim depends on the embeddings, so
there are three kinds: MiniLM's, and their first two or one principal components, where a city is a point on a map or a line.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dqo_verl.core.kernels import linear_kernel
from dqo_verl.evaluation.metrics.bootstrap import interval
from experiments.city.cities import CITIES, NAMES, REGIONS, components, embed
from experiments.city.map import svg
from experiments.city.policy import BANDWIDTH, GROUPS, LEARNING_RATE, OBJECTIVES, STEPS, K, effective, train

# A run has two clusters if its effective number of regions is between these.
TWO = (1.5, 2.5)


def numbers(policy: Tensor, embeddings: Tensor) -> dict[str, float]:
    regions = torch.zeros(len(CITIES), dtype=policy.dtype).index_add(0, REGIONS, policy)
    return {
        "effective cities": effective(policy),
        "effective regions": effective(regions),
        "distinct in 10": (1 - (1 - policy) ** 10).sum().item(),
        "cosine distance": (1 - policy @ linear_kernel(embeddings) @ policy).item(),
    }


def verdict(low: float, high: float, wanted: tuple[float, float]) -> str:
    """Whether the interval lies within `wanted`, outside of it, or neither."""
    if wanted[0] <= low and high <= wanted[1]:
        return "supported"
    return "not supported" if high < wanted[0] or low > wanted[1] else "unclear"


def run(seeds: int, steps: int = STEPS) -> dict[str, Any]:
    """Every geometry with every objective: numbers with 95 % intervals over seeds, and the policy of the first seed."""
    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    embeddings = embed(NAMES)
    geometries = {
        f"MiniLM, {embeddings.shape[1]} dimensions": embeddings,
        "first two components": components(embeddings, 2),
        "first component": components(embeddings, 1),
    }
    rows: list[dict[str, Any]] = []
    bar = tqdm(total=len(geometries) * len(OBJECTIVES) * seeds, desc="toy city", unit="run", leave=False, disable=None)
    for geometry, points in geometries.items():
        first: list[float] = []
        for objective in OBJECTIVES:
            found, policies = [], []
            for seed in range(seeds):
                policies.append(train(objective.similarity(points), objective.measure, seed, steps))
                found.append(numbers(policies[-1], embeddings))
                bar.update()
            cities = [each["effective cities"] for each in found]
            first = first or cities
            table = np.array(
                [[*each.values(), own - base] for each, own, base in zip(found, cities, first, strict=True)]
            )
            columns = [*found[0], "more cities than by distance"]
            values = {
                name: triple for name, *triple in zip(columns, *map(np.ndarray.tolist, interval(table)), strict=True)
            }
            rows.append({"geometry": geometry, "objective": objective.name, **values, "policy": policies[0].tolist()})
    bar.close()
    return {
        "seeds": seeds,
        "settings": {"k": K, "groups": GROUPS, "steps": steps, "learning_rate": LEARNING_RATE, "bandwidth": BANDWIDTH},
        "rows": rows,
        "map": components(embeddings, 2).tolist(),
    }


def claims(result: dict[str, Any]) -> list[str]:
    """The two halves of the claim in each geometry; the paper's kernel is the Gram matrix."""
    lines = []
    for distance, determinant in zip(
        result["rows"][:: len(OBJECTIVES)], result["rows"][1 :: len(OBJECTIVES)], strict=True
    ):
        _, low, high = distance["effective regions"]
        _, more_low, more_high = determinant["more cities than by distance"]
        lines.append(
            f"{distance['geometry']}: two clusters by distance: {verdict(low, high, TWO)}; "
            f"the determinant spreads more: {verdict(more_low, more_high, (0.0, math.inf))}"
        )
    return lines


def table(result: dict[str, Any]) -> str:
    columns = ("effective cities", "effective regions", "distinct in 10", "cosine distance")
    lines = [f"{'':24} {'':24} " + " ".join(f"{name:>20}" for name in columns)]
    for row in result["rows"]:
        shown = (f"{row[name][0]:.2f} [{row[name][1]:.2f}, {row[name][2]:.2f}]" for name in columns)
        lines.append(f"{row['geometry']:24} {row['objective']:24} " + " ".join(f"{text:>20}" for text in shown))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="DQO's toy with cities")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    result = run(arguments.seeds, arguments.steps)
    arguments.directory.mkdir(parents=True, exist_ok=True)
    (arguments.directory / "map.svg").write_text(svg(result))
    (arguments.directory / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(table(result), *claims(result), f"map and numbers: {arguments.directory}", sep="\n")


if __name__ == "__main__":
    main()
