"""Which pairs of a group must be classified, and the partition that follows. Pure: texts are any hashable nodes.

`components` (DARLING): classes are the connected components of "same" pairs. Pairs that are connected already are never
asked, which leaves the components unchanged: a collapsed group of n costs n - 1 questions, n distinct ones n (n - 1) / 2.
`first_member` (NoveltyBench): a response joins the first class whose first member is the same, in order of the responses.
"""

from collections.abc import Hashable, Mapping, Sequence

Node = str
Pair = tuple[str, str]


def ordered(a: Node, b: Node) -> Pair:
    """A pair is asked in one order, whichever response came first."""
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
        """Whether they were apart before."""
        root_a, root_b = self.root(a), self.root(b)
        self.parent[root_b] = root_a
        return root_a != root_b


def component_labels(nodes: Sequence[Node], decided: Mapping[Pair, bool]) -> list[Hashable]:
    components = Components(nodes, decided)
    return [components.root(node) for node in nodes]


def questions_for_components(nodes: Sequence[Node], decided: Mapping[Pair, bool], forests: int = 1) -> list[Pair]:
    """Undecided pairs to ask next; none left means that the components are final.

    A round asks for a spanning forest: pairs none of which would be superfluous if all the others turned out "same".
    `forests` > 1 asks for several at once, which saves rounds where the group is known not to collapse.
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
        candidates = [pair for pair in candidates if pair not in set(taken)]
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


def short_answers_agree(a: str, b: str, words: int) -> bool | None:
    """DARLING's rule for short answers: with at most `words` words each, the same if they share at least half of the longer.

    None where one of them is longer: the classifier decides. `words=0` switches the rule off.
    """
    split_a, split_b = a.lower().split(), b.lower().split()
    longer = max(len(split_a), len(split_b))
    if longer > words:
        return None
    return 2 * len(set(split_a) & set(split_b)) >= longer


RULES = {
    "components": (questions_for_components, component_labels),
    "first_member": (questions_for_first_member, first_member_labels),
}
