"""Score responses with a reward model (a sequence classifier with one label) in this process: `--reward-model`."""

from collections.abc import Sequence

from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.rows import Group


def score_groups(groups: Sequence[Group], model: str, problems: Problems) -> list[Group]:
    """Fill `scores` of every group with raw scores; a group whose prompt is known only as rendered text is a problem."""
    from dqo_verl.models.hub import own_device
    from dqo_verl.models.reward_model import SequenceClassifier

    known = [group for group in groups if group.messages]
    for group in groups:
        if not group.messages:
            problems.add(
                group.where,
                "missing prompt",
                "verl's dumps have only its rendered text; a reward model needs its chat messages",
            )
    problems.settle()
    classifier = SequenceClassifier(model, own_device())
    rows: list[list[int]] = []
    places = []
    cut = 0
    for group in known:
        group.scores = [None] * len(group.responses)
        for i, response in enumerate(group.responses):
            ids, was_cut = classifier.read(group.messages or [], response)
            rows.append(ids)
            places.append((group, i))
            cut += was_cut
    # The longest batch comes first, so that memory runs out early or never.
    by_length = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
    size = classifier.batch_size
    for start in tqdm(range(0, len(rows), size), desc="reward model", unit="batch", disable=None):
        batch = by_length[start : start + size]
        for i, score in zip(batch, classifier([rows[i] for i in batch]), strict=True):
            group, position = places[i]
            group.scores[position] = score
    if cut:
        print(f"{model}: {cut} of {len(rows)} responses were cut to its {classifier.limit} tokens")
    return known
