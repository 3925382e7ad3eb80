"""A reward that any policy earns a bit of: the share of digits among the characters."""

import itertools

# of this worker, the only one
calls = itertools.count(1)


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    share = sum(character.isdigit() for character in solution_str) / max(len(solution_str), 1)
    return {"score": share, "acc": share}


def fails_sometimes(data_source, solution_str, ground_truth, extra_info=None, **_):
    """Every eighth response has no reward: verl drops it, and its siblings go on without it."""
    if next(calls) % 8 == 0:
        raise RuntimeError("this response cannot be scored")
    return compute_score(data_source, solution_str, ground_truth)
