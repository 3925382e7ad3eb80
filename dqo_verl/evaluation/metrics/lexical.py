"""Lexical diversity of the responses to one prompt. Exact tokenisation and edge cases: docs/metrics.md.

    distinct-n = different n-grams / all n-grams of the group              (Li et al., arXiv 1510.03055)
    self-BLEU  = mean_i BLEU(y_i; the other responses as references)       (Zhu et al., arXiv 1802.01886; sacrebleu)
    self-ROUGE = mean over pairs of the ROUGE-L F-measure                  (rouge-score)

The last two are reported as 1 - score: 0 for identical responses. The numbers equal those of the libraries but are faster
to compute: a text is tokenised once instead of once per pair, leave-one-out references come from the two largest counts of
each n-gram, and the longest common subsequence is computed bit-parallel.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU


def distinct_n(texts: Sequence[str], n: int) -> float:
    """Words are split at whitespace and not normalized; n-grams do not span responses. NaN if no response has n words."""
    grams = [tuple(words[i : i + n]) for words in map(str.split, texts) for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else float("nan")


@lru_cache(maxsize=1)
def _bleu() -> "BLEU":
    from sacrebleu.metrics.bleu import BLEU

    # These are sacrebleu's defaults for a sentence: tokenizer 13a, exponential smoothing, order 4.
    return BLEU(effective_order=True)


def self_bleu(texts: Sequence[str]) -> float:
    """1 - mean sentence BLEU of each response against all others. Responses without tokens count as identical."""
    if len(texts) < 2:
        return float("nan")
    from sacrebleu.metrics.helpers import extract_all_word_ngrams

    bleu = _bleu()
    counted = [extract_all_word_ngrams(bleu.tokenizer(text.rstrip()), 1, bleu.max_ngram_order) for text in texts]
    lengths = [length for _, length in counted]
    most: Counter[tuple[str, ...]] = Counter()
    second: Counter[tuple[str, ...]] = Counter()
    for grams, _ in counted:
        for gram, count in grams.items():
            if count > most[gram]:
                second[gram], most[gram] = most[gram], count
            elif count > second[gram]:
                second[gram] = count
    similarity = 0.0
    for i, (grams, length) in enumerate(counted):
        if not length:
            similarity += lengths.count(0) > 1
            continue
        correct = [0] * bleu.max_ngram_order
        for gram, count in grams.items():
            # A count is clipped at the largest count among the others.
            correct[len(gram) - 1] += count if count < most[gram] else second[gram]
        total = [max(0, length - order) for order in range(bleu.max_ngram_order)]
        closest = min(lengths[:i] + lengths[i + 1 :], key=lambda other: (abs(other - length), other))
        score = bleu.compute_bleu(correct, total, length, closest, bleu.smooth_method, effective_order=True)
        similarity += score.score / 100
    return 1 - similarity / len(texts)


def _common_subsequence(positions: dict[str, int], length: int, other: Sequence[str]) -> int:
    """Length of the longest common subsequence, with one machine-word operation per 64 cells (Hyyro 2004)."""
    everything = (1 << length) - 1
    state = everything
    for token in other:
        matched = state & positions.get(token, 0)
        state = (state + matched | state - matched) & everything
    return length - state.bit_count()


def self_rouge(texts: Sequence[str]) -> float:
    """1 - mean ROUGE-L F-measure over the pairs. Blank responses count as identical; NaN if any other has no a-z, 0-9."""
    if len(texts) < 2:
        return float("nan")
    from rouge_score.tokenize import tokenize  # type: ignore[import-untyped,unused-ignore]

    tokens = [tokenize(text, None) for text in texts]
    if any(text.strip() and not words for text, words in zip(texts, tokens, strict=True)):
        return float("nan")
    positions: list[dict[str, int]] = []
    for words in tokens:
        places: dict[str, int] = {}
        for place, word in enumerate(words):
            places[word] = places.get(word, 0) | 1 << place
        positions.append(places)
    pairs = list(combinations(range(len(texts)), 2))
    similarity = 0.0
    for i, j in pairs:
        longest = len(tokens[i]) + len(tokens[j])
        common = _common_subsequence(positions[i], len(tokens[i]), tokens[j])
        similarity += 2 * common / longest if longest else 1.0
    return 1 - similarity / len(pairs)
