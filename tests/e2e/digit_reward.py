"""A reward that any policy earns a bit of: the share of digits among the characters."""

import zlib


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    share = sum(character.isdigit() for character in solution_str) / max(len(solution_str), 1)
    return {"score": share, "acc": share}


def fails_sometimes(data_source, solution_str, ground_truth, extra_info=None, **_):
    """About one response in eight has no reward: verl drops it, and its siblings go on without it."""
    if zlib.crc32(solution_str.encode()) % 8 == 0:
        raise RuntimeError("this response cannot be scored")
    return compute_score(data_source, solution_str, ground_truth)
