"""Which pairs of a group the classifier must decide, and the classes that follow. Pure functions of texts.

`components` (DARLING): classes are the connected components of "same" pairs. Pairs that are already connected are never
asked, which does not change the components: n texts that all say the same cost n - 1 questions, n different ones
n (n - 1) / 2.
`first_member` (NoveltyBench): a response joins the first class whose first member is the same, in order of the responses.
"""

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence

Node = str
Pair = tuple[str, str]


def ordered(a: Node, b: Node) -> Pair:
    """The pair in alphabetical order: each pair is asked in this order only."""
    return (a, b) if a <= b else (b, a)


class Components:
    """Union-find over the nodes of one group."""

    def __init__(self, nodes: Sequence[Node], decided: Mapping[Pair, bool]):
        self.parent = {node: node for node in nodes}
        names = list(self.parent)
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                if decided.get(ordered(a, b)):
                    self.join(a, b)

    def root(self, node: Node) -> Node:
        while self.parent[node] != node:
            self.parent[node] = self.parent[self.parent[node]]
            node = self.parent[node]
        return node

    def join(self, a: Node, b: Node) -> bool:
        """Join two components; False if they were one already."""
        root_a, root_b = self.root(a), self.root(b)
        self.parent[root_b] = root_a
        return root_a != root_b


def component_labels(nodes: Sequence[Node], decided: Mapping[Pair, bool]) -> list[Hashable]:
    components = Components(nodes, decided)
    return [components.root(node) for node in nodes]


def questions_for_components(nodes: Sequence[Node], decided: Mapping[Pair, bool], forests: int = 1) -> list[Pair]:
    """Undecided pairs to ask next; if none are left, the components are final.

    A round asks for a spanning forest: no pair of it becomes superfluous if all the others turn out to be "same".
    `forests` > 1 asks for several forests at once, which saves rounds if the group turns out not to have collapsed.
    """
    found = Components(nodes, decided)
    names = list(found.parent)
    candidates = [
        pair
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if (pair := ordered(a, b)) not in decided and found.root(a) != found.root(b)
    ]
    asked: list[Pair] = []
    for _ in range(forests):
        hoped = Components(nodes, decided)
        taken = [pair for pair in candidates if hoped.join(*pair)]
        asked += taken
        over = set(taken)
        candidates = [pair for pair in candidates if pair not in over]
    return asked


def first_member_labels(nodes: Sequence[Node], decided: Mapping[Pair, bool]) -> list[Hashable]:
    return _greedy(nodes, decided)[0]


def questions_for_first_member(nodes: Sequence[Node], decided: Mapping[Pair, bool], forests: int = 1) -> list[Pair]:
    """The next undecided pair in the greedy order, if any."""
    missing = _greedy(nodes, decided)[1]
    return [] if missing is None else [missing]


def _greedy(nodes: Sequence[Node], decided: Mapping[Pair, bool]) -> tuple[list[Hashable], Pair | None]:
    firsts: list[Node] = []
    labels: list[Hashable] = []
    for node in nodes:
        label = None
        for first in firsts:
            if first == node:
                label = first
                break
            pair = ordered(first, node)
            if pair not in decided:
                return labels, pair
            if decided[pair]:
                label = first
                break
        if label is None:
            firsts.append(node)
            label = node
        labels.append(label)
    return labels, None


def without_model(a: str, b: str, short_words: int = 0) -> bool | None:
    """The decision on a pair that needs no model; None if the model must decide.

    Equal texts are the same, a blank text is the same as blank ones only, and short answers are compared by their words.
    `short_words=0` switches the rule for short answers off.
    """
    if not a.strip() or not b.strip():
        return a.strip() == b.strip()
    return True if a == b else short_answers_agree(a, b, short_words)


def short_answers_agree(a: str, b: str, words: int) -> bool | None:
    """DARLING's rule: answers of at most `words` words are the same if they share at least half of the longer one's words.

    None if one of them has more words: the classifier decides. `words=0` switches the rule off.
    """
    split_a, split_b = a.lower().split(), b.lower().split()
    longer = max(len(split_a), len(split_b))
    if longer > words:
        return None
    return 2 * len(set(split_a) & set(split_b)) >= longer


def decide_all(
    groups: Sequence[Sequence[str]], answer: Callable[[Sequence[Pair]], Sequence[bool]], short_words: int = 0
) -> list[list[list[bool]]]:
    """Decisions on all pairs of each group's texts, `(k, k)` and symmetric, whereas a stream asks only the pairs it needs.

    `answer` gets each pair in alphabetical order, and only once, even if several groups have it.
    """
    decided: dict[Pair, bool | None] = {}
    for texts in groups:
        for a, b in itertools.combinations_with_replacement(dict.fromkeys(texts), 2):
            decided.setdefault(ordered(a, b), without_model(a, b, short_words))
    asked = [pair for pair, known in decided.items() if known is None]
    decided |= zip(asked, answer(asked), strict=True)
    return [[[bool(decided[ordered(a, b)]) for b in texts] for a in texts] for texts in groups]


RULES = {
    "components": (questions_for_components, component_labels),
    "first_member": (questions_for_first_member, first_member_labels),
}
