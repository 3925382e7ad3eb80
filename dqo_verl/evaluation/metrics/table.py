"""Every metric at a glance: its name in files, what people read, its kind. Definitions: docs/metrics.md."""

from typing import NamedTuple


class Metric(NamedTuple):
    label: str
    kind: str  # quality, diversity, both, size
    better: int  # 1: more is better; 0: neither


METRICS = {
    "reward": Metric("Mean reward", "quality", 1),
    "pass@1": Metric("pass@1", "quality", 1),
    "pass@n": Metric("pass@n", "quality", 1),
    "best_of_n": Metric("Best-of-n reward", "quality", 1),
    "classes": Metric("Classes (first member)", "diversity", 1),
    "classes_connected": Metric("Classes (connected, as with a pair classifier in training)", "diversity", 1),
    "vendi": Metric("Vendi score", "diversity", 1),
    "cosine_distance": Metric("Mean cosine distance", "diversity", 1),
    "logdet": Metric("log det(L + I)", "diversity", 1),
    "dqo_bonus": Metric("DQO bonus", "diversity", 1),
    "judge": Metric("Diversity by judge", "diversity", 1),
    "self_bleu": Metric("1 - self-BLEU", "diversity", 1),
    "self_rouge": Metric("1 - self-ROUGE-L", "diversity", 1),
    "distinct_1": Metric("distinct-1", "diversity", 1),
    "distinct_2": Metric("distinct-2", "diversity", 1),
    "distinct_4": Metric("distinct-4", "diversity", 1),
    "effective_distance": Metric("Effective distance (valid pairs)", "both", 1),
    "effective_classes": Metric("Effective classes (valid)", "both", 1),
    "utility": Metric("NoveltyBench utility", "both", 1),
    "words": Metric("Words a response", "size", 0),
    "cut": Metric("Cut at max_tokens", "size", 0),
}
