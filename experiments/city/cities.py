"""Eighty answers to "name a city", eight from each of ten regions, as embeddings or their principal components."""

from collections.abc import Sequence

import torch
from torch import Tensor

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


def embed(names: Sequence[str]) -> Tensor:
    from sentence_transformers import SentenceTransformer

    from dqo_verl.core.defaults import MINILM
    from dqo_verl.models.hub import locate

    model = SentenceTransformer(locate(MINILM), device="cpu")
    return torch.tensor(model.encode([ANSWER.format(name) for name in names], normalize_embeddings=True)).double()


def components(embeddings: Tensor, dimensions: int) -> Tensor:
    """The first principal components of the embeddings, scaled to mean norm 1."""
    centred = embeddings - embeddings.mean(dim=0)
    points: Tensor = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:dimensions].T
    scale: Tensor = points.norm(dim=1).mean()
    return points / scale
