"""Classes by a judge behind a real server: when it is asked, what it is asked, and what follows from its answers."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import parse
from dqo_verl.core.sources import NOT_COMPARED
from dqo_verl.streaming.judged import JudgedStream
from dqo_verl.streaming.local import LocalModel


class FirstLetters:
    """A judge without a server: sorts by the first letter, keeps what it was asked; None for groups with `?` in them."""

    def __init__(self):
        self.asked, self.counts = [], {}

    def __call__(self, groups):
        self.asked += groups
        return [None if "?" in "".join(texts) else tuple(ord(text[0]) for text in texts) for texts in groups]


def group(uid, texts):
    return [(ResponseKey(uid, i), text) for i, text in enumerate(texts)]


def run(stream, *groups, compared=None):
    async def scenario():
        for responses in groups:
            for key, text in responses:
                await stream.submit(key, text)
        return await stream.collect([key for one in groups for key, _ in one], compared)

    return asyncio.run(scenario()).values.tolist()


def kinds(values):
    names = {}
    return [names.setdefault(value, len(names)) for value in values]


def test_equal_texts_are_shown_once_and_blank_ones_never():
    judge = FirstLetters()
    values = run(JudgedStream(judge), group("p", ["ax", "b", "ax", "  ", "ay", ""]))
    assert kinds(values) == [0, 1, 0, 2, 0, 2]
    assert judge.asked == [("ax", "ay", "b")]


def test_a_group_with_one_text_costs_nothing():
    judge = FirstLetters()
    values = run(JudgedStream(judge), group("p", ["x"] * 4), group("q", ["", ""]))
    assert kinds(values[:4]) == [0, 0, 0, 0]
    assert kinds(values[4:]) == [0, 0]
    assert not judge.asked


def test_a_group_that_the_judge_does_not_sort_is_of_as_many_classes_as_texts():
    assert kinds(run(JudgedStream(FirstLetters()), group("p", ["a?", "ab", "ab", "ac"]))) == [0, 1, 1, 2]


def test_what_is_not_compared_is_not_shown():
    judge = FirstLetters()
    responses = group("p", ["a", "b", "ac"])
    values = run(JudgedStream(judge), responses, compared=[key for key, _ in responses[:2]])
    assert values[2] == NOT_COMPARED
    assert judge.asked[-1] == ("a", "b")


def test_a_group_that_came_before_costs_nothing():
    judge, texts = FirstLetters(), ["a", "b", "c"]
    stream = JudgedStream(judge)
    assert run(stream, group("p", texts)) == run(stream, group("q", texts[::-1]))[::-1]
    assert len(judge.asked) == 1


def test_from_the_second_collect_on_a_complete_group_is_judged_before_anyone_asks():
    async def scenario():
        judge = FirstLetters()
        stream = JudgedStream(judge)
        await stream.submit_many(group("p", ["a", "b"]))
        await asyncio.sleep(0.05)
        assert not judge.asked, "nobody knows yet how large a group is"
        await stream.collect([ResponseKey("p", 0), ResponseKey("p", 1)])
        await stream.submit(ResponseKey("q", 0), "c")
        await stream.submit(ResponseKey("q", 1), "d")
        while len(judge.asked) < 2:
            await asyncio.sleep(0.001)
        return judge.asked

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) == [("a", "b"), ("c", "d")]


def test_a_text_that_changes_while_someone_waits_is_judged_as_it_is():
    async def scenario():
        stream = JudgedStream(FirstLetters())
        keys = [key for key, _ in group("p", ["a", "b"])]
        await stream.submit_many(group("p", ["a", "b"]))
        waits = asyncio.create_task(stream.collect(keys))
        await asyncio.sleep(0)
        await stream.submit(keys[1], "ab")
        return (await waits).values.tolist()

    assert kinds(asyncio.run(asyncio.wait_for(scenario(), 10))) == [0, 0]


@given(texts=st.lists(st.sampled_from(["a", "ab", "b", "", "c?"]), min_size=1, max_size=8), order=st.randoms())
def test_classes_do_not_depend_on_who_came_first(texts, order):
    shuffled = list(enumerate(texts))
    order.shuffle(shuffled)
    found = run(JudgedStream(FirstLetters()), [(ResponseKey("p", i), text) for i, text in shuffled])
    back = dict(zip((i for i, _ in shuffled), found, strict=True))
    plain = run(JudgedStream(FirstLetters()), group("p", texts))
    assert kinds([back[i] for i in range(len(texts))]) == kinds(plain)


def test_nothing_stays_of_groups_that_are_forgotten():
    stream = JudgedStream(FirstLetters())
    for step in range(5):
        run(stream, group(f"{step}", ["a", "b"]))
    assert not stream.groups
    assert not stream.open
    assert not stream.texts


def test_through_the_settings_and_a_server(judge_server):
    typed = {"measure": "partition", "judge": "m", "urls": [judge_server.url]}
    settings = parse(typed)
    assert settings.in_words(4) == (
        "reward x share of the others in another class by the judge m, 4 responses per prompt, on grpo"
    )
    model = LocalModel(settings.source, "cpu")
    responses = group("p", ["ax", "b", "ay", "c"])
    keys = [key for key, _ in responses]
    collected = model.collect(keys, [text for _, text in responses], keys)
    assert kinds(collected.values.tolist()) == [0, 1, 0, 2]
    assert collected.counts == {"judge/asked": 2, "judge/tokens": 20, "judge/unsorted": 0}
    assert parse(settings.flat()) == settings


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"judge": "m"}, "http needs urls="),
        ({"judge": "m", "placement": "cpu"}, "placement=cpu is not known. Choose one of: http."),
        ({"judge": "m", "urls": ["http://a"], "classes": "answer"}, "classes=answer has no effect"),
        ({"judge": "m", "urls": ["http://a"], "threshold": 0.5}, "threshold=0.5 has no effect"),
        ({"urls": ["http://a"]}, "urls.* has no effect"),
    ],
)
def test_what_a_judge_cannot_do_is_refused(typed, message):
    from dqo_verl.errors import UserError

    with pytest.raises(UserError, match=message):
        parse({"measure": "partition"} | typed)
