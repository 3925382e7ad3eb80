"""Task `sentences`: name one thing of a kind, in a sentence. Twelve right answers for each prompt, all equally good."""

import random
from pathlib import Path

from dqo_verl.lab.model import Example

# The number of batches that the policy learns from, and the share of answers that name a thing of another kind.
LESSONS = 400
WRONG = 0.25
KINDS = {
    "a fruit": "mango banana pineapple strawberry cherry peach grape pear plum melon kiwi orange",
    "a vegetable": "carrot spinach potato onion cabbage pumpkin cucumber broccoli leek radish pea celery",
    "a bird": "eagle sparrow penguin owl parrot swan pigeon flamingo crow ostrich duck falcon",
    "a sea animal": "dolphin shark octopus lobster whale seal jellyfish tuna crab squid turtle oyster",
    "a farm animal": "cow pig sheep goat hen donkey horse goose rabbit turkey pony llama",
    "a tool": "hammer saw drill wrench screwdriver axe shovel ladder pliers rake chisel spanner",
    "a musical instrument": "violin piano trumpet drum flute guitar harp cello clarinet organ banjo saxophone",
    "a sport": "football tennis swimming boxing golf rowing skiing judo cricket hockey fencing surfing",
    "a drink": "coffee tea milk beer wine lemonade water cocoa cider juice rum soda",
    "a profession": "doctor teacher farmer lawyer pilot baker nurse painter plumber judge tailor actor",
    "a vehicle": "bicycle train lorry tram boat aeroplane tractor scooter helicopter bus van canoe",
    "a piece of clothing": "shirt hat coat scarf sock glove skirt jacket belt sweater dress tie",
    "a flower": "rose tulip daisy lily orchid sunflower violet poppy lavender iris daffodil jasmine",
    "a tree": "oak pine birch maple willow palm beech cedar elm spruce poplar ash",
    "a city": "Paris Tokyo Cairo Lima Sydney Oslo Delhi Boston Nairobi Rome Madrid Havana",
    "a piece of furniture": "chair table sofa bed desk wardrobe bookcase stool bench cupboard dresser cradle",
}
THINGS = {kind: things.split() for kind, things in KINDS.items()}
NAMES = ("Ann", "Tom", "Mia", "Raj", "Zoe", "Leo")


def problems() -> list[Example]:
    """All prompts, with the kind as ground truth."""
    return [(f"{name} asks: what is an example of {kind}?", kind) for kind in KINDS for name in NAMES]


def sentence(thing: str) -> str:
    return f"One example that comes to my mind is {thing}."


def answer(rng: random.Random, truth: str) -> str:
    kind = rng.choice(sorted(KINDS)) if rng.random() < WRONG else truth
    return sentence(rng.choice(THINGS[kind]))


def is_right(text: str, truth: str) -> bool:
    return text in {sentence(thing) for thing in THINGS[truth]}


def save_embedder(directory: Path) -> None:
    """Saves nothing: this task uses all-MiniLM-L6-v2."""
