"""Whatever stands in a file, in a command or in a judge's answer: a result, or one of our own messages. Nothing else is raised."""

import gzip
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from dqo_verl.core.settings import Settings, known_keys, parse
from dqo_verl.errors import UserError
from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.rows import read_groups
from dqo_verl.models import judge

MANY = settings(max_examples=5000, deadline=None)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3)
)
NAMES = ["prompt", "response", "responses", "score", "scores", "acc", "input", "output", "uid", "step", "temperature"]
NAMES += ["completion", "reward", "advantage", "traces", "task"]
NAMES += ["prompt_id", "cut", "ground_truth", "gts", "reward_model", "extra_info", "data_source", "messages"]
ROWS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), VALUES, max_size=8)
LINES = st.binary(max_size=60) | ROWS.map(lambda row: json.dumps(row).encode())


def read(file, content):
    file.write_bytes(content)
    for skip in (False, True):
        problems = Problems(skip=skip)
        try:
            groups = read_groups([file], problems)
            problems.settle()
        except UserError:
            continue
        for group in groups:
            n = len(group.responses)
            assert n == len(group.scores) == len(group.acc) == len(group.cut) > 0
            json.dumps(group.responses).encode()


@MANY
@given(lines=st.lists(LINES, max_size=5), broken=st.integers(0, 40))
def test_rows(tmp_path_factory, lines, broken):
    folder = tmp_path_factory.getbasetemp()
    content = b"\n".join(lines)
    read(folder / "rows.jsonl", content)
    packed = gzip.compress(content)
    read(folder / "packed.jsonl", packed[: len(packed) - broken])


# a key's values: now and then those of another
KNOWN = ["dqo", "darling", "dpp", "partition", "gaussian", "add", "multiply", "decoupled", "mean", "http", "cpu"]
TYPED = SCALARS | st.sampled_from(KNOWN) | st.lists(SCALARS, max_size=3)


@MANY
@given(
    typed=st.dictionaries(
        st.sampled_from([*known_keys(), "measure", "method"]) | st.text(max_size=8), TYPED, max_size=8
    )
)
def test_settings(typed):
    try:
        found = parse(typed)
    except UserError:
        return
    assert isinstance(found, Settings)
    assert parse(found.flat()) == found
    assert found.in_words(4)


PIECES = st.sampled_from(
    ['{"groups": ', "[[", "]]", "1", ", ", "2", "[", "]", "}", "3", " ", "```json", "\n", "-", '"']
)


@MANY
@given(answer=st.text() | st.lists(PIECES, max_size=30).map("".join), count=st.integers(1, 4))
def test_answers_of_a_judge(answer, count):
    try:
        labels = judge.parse(answer, count)
    except ValueError:
        return
    assert len(labels) == count
    assert set(labels) == set(range(len(set(labels))))
