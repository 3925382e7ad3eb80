"""DQO's toy with cities (arXiv 2509.04784): does mean pairwise distance end in two clusters where the determinant spreads?

    python -m dqo_verl.toy_city DIR [--seeds 10]          minutes on one core; writes result.json and map.svg

The policy is a softmax over answers, one per city; it starts uniform. Each step draws groups of k answers and climbs
`sum_i grad log pi(y_i) (d_i - mean d of the group)`: GRPO without std division, with diversity d as the only reward. In
expectation that is `(k/2 - 1) grad E[distance of two answers]` for the distance, and `grad E[log det(L + I) of k - 1 answers]`
for the determinant; at k = 2 neither moves.

No source states the paper's cities, embeddings or training: all of that is ours. Since the claim depends on the embeddings,
there are three: MiniLM's own, and their first two or one principal components, where a city is a point on a map or a line.
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dqo_verl.diversity import loo_logdet, mean_pairwise_distance
from dqo_verl.evaluation.bootstrap import interval
from dqo_verl.similarity import gaussian_kernel, linear_kernel

ANSWER = "I would recommend {}."
CITIES = {
    "western Europe": "Paris, France; London, England; Amsterdam, Netherlands; Brussels, Belgium; Berlin, Germany; "
    "Vienna, Austria; Rome, Italy; Madrid, Spain",
    "eastern Europe": "Prague, Czechia; Budapest, Hungary; Warsaw, Poland; Krakow, Poland; Moscow, Russia; Kyiv, Ukraine; "
    "Bucharest, Romania; Sofia, Bulgaria",
    "east Asia": "Tokyo, Japan; Kyoto, Japan; Osaka, Japan; Seoul, South Korea; Beijing, China; Shanghai, China; "
    "Taipei, Taiwan; Hong Kong, China",
    "south Asia": "Mumbai, India; Delhi, India; Jaipur, India; Kolkata, India; Kathmandu, Nepal; Colombo, Sri Lanka; "
    "Dhaka, Bangladesh; Lahore, Pakistan",
    "south-east Asia": "Bangkok, Thailand; Hanoi, Vietnam; Singapore, Singapore; Jakarta, Indonesia; Manila, Philippines; "
    "Kuala Lumpur, Malaysia; Yangon, Myanmar; Phnom Penh, Cambodia",
    "Middle East": "Istanbul, Turkey; Dubai, United Arab Emirates; Jerusalem, Israel; Amman, Jordan; Beirut, Lebanon; "
    "Doha, Qatar; Tehran, Iran; Muscat, Oman",
    "Africa": "Cairo, Egypt; Marrakesh, Morocco; Cape Town, South Africa; Nairobi, Kenya; Lagos, Nigeria; Accra, Ghana; "
    "Addis Ababa, Ethiopia; Dakar, Senegal",
    "North America": "New York, United States; Chicago, United States; San Francisco, United States; Miami, United States; "
    "Toronto, Canada; Vancouver, Canada; Montreal, Canada; Mexico City, Mexico",
    "South America": "Rio de Janeiro, Brazil; Buenos Aires, Argentina; Lima, Peru; Bogota, Colombia; Santiago, Chile; "
    "Quito, Ecuador; La Paz, Bolivia; Montevideo, Uruguay",
    "Oceania": "Sydney, Australia; Melbourne, Australia; Perth, Australia; Auckland, New Zealand; Wellington, New Zealand; "
    "Suva, Fiji; Apia, Samoa; Port Moresby, Papua New Guinea",
}
NAMES = [name for names in CITIES.values() for name in names.split("; ")]
REGIONS = torch.tensor([number for number, names in enumerate(CITIES.values()) for _ in names.split("; ")])
K, GROUPS, STEPS, LEARNING_RATE, BANDWIDTH = 4, 64, 3000, 0.03, 0.5
TWO = (1.5, 2.5)  # "two clusters": effective number of regions within


class Objective(NamedTuple):
    """Points `(n, d)` -> similarity `(n, n)`; similarity within groups `(..., k, k)` -> diversity `(..., k)`."""

    name: str
    similarity: Callable[[Tensor], Tensor]
    measure: Callable[[Tensor], Tensor]


def nearness(points: Tensor) -> Tensor:
    """`1 - |x_i - x_j|^2 / 2`, which is the cosine where the points have unit norm."""
    return 1 - torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").square() / 2


OBJECTIVES = (
    Objective("mean pairwise distance", nearness, mean_pairwise_distance),
    Objective("determinant", linear_kernel, loo_logdet),
    Objective("determinant, gaussian", lambda points: gaussian_kernel(points, BANDWIDTH), loo_logdet),
)


def embed(names: Sequence[str]) -> Tensor:
    from sentence_transformers import SentenceTransformer

    from dqo_verl.config import MINILM
    from dqo_verl.features.models import locate

    model = SentenceTransformer(locate(MINILM), device="cpu")
    return torch.tensor(model.encode([ANSWER.format(name) for name in names], normalize_embeddings=True)).double()


def components(embeddings: Tensor, dimensions: int) -> Tensor:
    """Their first principal components, scaled so that the mean norm is 1."""
    centred = embeddings - embeddings.mean(dim=0)
    points: Tensor = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:dimensions].T
    scale: Tensor = points.norm(dim=1).mean()
    return points / scale


def surrogate(log_policy: Tensor, groups: Tensor, similarity: Tensor, measure: Callable[[Tensor], Tensor]) -> Tensor:
    """Of each group `(g, k)`: its gradient is the policy gradient with the group's mean subtracted from d."""
    diversity = measure(similarity[groups[:, :, None], groups[:, None, :]])
    advantage = diversity - diversity.mean(dim=-1, keepdim=True)
    return (log_policy[groups] * advantage).sum(dim=-1)


def train(similarity: Tensor, measure: Callable[[Tensor], Tensor], seed: int, steps: int = STEPS) -> Tensor:
    """The policy after training, `(n,)`. The learning rate falls to 0, so that what is left is not noise."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.zeros(len(similarity), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(steps):
        log_policy = logits.log_softmax(dim=0)
        drawn = torch.multinomial(log_policy.detach().exp(), GROUPS * K, replacement=True, generator=generator)
        loss = -surrogate(log_policy, drawn.view(GROUPS, K), similarity, measure).mean()
        (logits.grad,) = torch.autograd.grad(loss, logits)
        optimizer.step()
        schedule.step()
    return logits.detach().softmax(dim=0)


def effective(shares: Tensor) -> float:
    """`exp(entropy)`: how many equally likely ones would be as uncertain."""
    return math.exp(torch.special.entr(shares).sum().item())


def numbers(policy: Tensor, embeddings: Tensor) -> dict[str, float]:
    regions = torch.zeros(len(CITIES), dtype=policy.dtype).index_add(0, REGIONS, policy)
    return {
        "effective cities": effective(policy),
        "effective regions": effective(regions),
        "distinct in 10": (1 - (1 - policy) ** 10).sum().item(),
        "cosine distance": (1 - policy @ linear_kernel(embeddings) @ policy).item(),
    }


def verdict(low: float, high: float, wanted: tuple[float, float]) -> str:
    """Where the interval lies: within what is wanted, outside of it, or neither."""
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


SIDE, TITLE, MARGIN = 300, 34, 26


def svg(result: dict[str, Any]) -> str:
    """Cities at their first two components; the area of a dot is its probability under the first seed's policy."""
    places = torch.tensor(result["map"])
    low, span = places.amin(dim=0), (places.amax(dim=0) - places.amin(dim=0)).max()
    spots = ((places - low) / span * (SIDE - 2 * MARGIN) + MARGIN).tolist()
    height = SIDE + TITLE
    rows = len(result["rows"]) // len(OBJECTIVES)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE * len(OBJECTIVES)} {height * rows}" '
        'font-family="sans-serif" font-size="12" fill="#1b1f24"><rect width="100%" height="100%" fill="#ffffff"/>'
    ]
    for number, row in enumerate(result["rows"]):
        left, top = number % len(OBJECTIVES) * SIDE, number // len(OBJECTIVES) * height
        parts.append(f'<g transform="translate({left} {top})">')
        parts.append(f'<text x="{MARGIN}" y="16" font-weight="bold">{escape(row["objective"])}</text>')
        parts.append(
            f'<text x="{MARGIN}" y="31" fill="#59636e">{escape(row["geometry"])}: '
            f"{row['effective cities'][0]:.1f} cities</text>"
        )
        for (x, y), share in zip(spots, row["policy"], strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y + TITLE:.1f}" r="1.2" fill="#c3c8ce"/>')
            if share > 1e-3:
                radius = 28 * math.sqrt(share)
                parts.append(
                    f'<circle cx="{x:.1f}" cy="{y + TITLE:.1f}" r="{radius:.1f}" fill="#0072b2" fill-opacity=".55"/>'
                )
        for place in sorted(range(len(NAMES)), key=lambda i: -row["policy"][i])[:3]:
            (x, y), share, name = spots[place], row["policy"][place], escape(NAMES[place].split(",")[0])
            if share > 0.05:
                anchor = "end" if x > SIDE / 2 else "start"
                above = y + TITLE - 28 * math.sqrt(share) - 3
                parts.append(f'<text x="{x:.1f}" y="{above:.1f}" text-anchor="{anchor}">{name}</text>')
        parts.append("</g>")
    return "".join([*parts, "</svg>\n"])


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
