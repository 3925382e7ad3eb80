"""Draws the final policies as maps."""

import math
from html import escape
from typing import Any

import torch

from experiments.city.cities import NAMES
from experiments.city.policy import OBJECTIVES

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
