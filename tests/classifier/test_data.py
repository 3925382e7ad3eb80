import pytest

from dqo_verl.classifier.data import check_both_classes, read_all
from dqo_verl.errors import UserError

GOOD = {"prompt": "p", "generation_0": "a b", "generation_1": "c d", "similar": 1}


def test_files_follow_one_another(write, rows):
    first, second = write(rows(6), "a.jsonl"), write(rows(4, seed=1), "b.jsonl")
    pairs, revisions = read_all([str(first), str(second)])
    assert len(pairs) == 10
    assert [pair.similar for pair in pairs[:4]] == [1, 0, 0, 1]
    assert (pairs[0].a, pairs[0].b) == (rows(6)[0]["generation_0"], rows(6)[0]["generation_1"])
    assert all(revision.startswith("sha256:") for revision in revisions.values())


def test_a_split_of_a_saved_dataset(tmp_path, rows):
    import datasets

    splits = {"train": datasets.Dataset.from_list(rows(6)), "human": datasets.Dataset.from_list(rows(3))}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "set")
    assert len(read_all([f"{tmp_path}/set:human"])[0]) == 3
    assert len(read_all([f"{tmp_path}/set"])[0]) == 6
    with pytest.raises(UserError, match="none named other"):
        read_all([f"{tmp_path}/set:other"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "p", "generation_0": "a", "similar": 1}, "row 2: field generation_1 is missing; the row has"),
        (GOOD | {"similar": None}, "row 2: field similar is missing"),
        (GOOD | {"generation_0": " \n"}, "row 2: column generation_0: expected non-blank text"),
        (GOOD | {"similar": 2}, "row 2: column similar: expected 1 .the same. or 0 .different., found 2"),
    ],
)
def test_a_bad_row_is_named(write, row, message):
    with pytest.raises(UserError, match=message):
        read_all([str(write([GOOD, row]))])


def test_many_bad_rows_make_one_message(write):
    with pytest.raises(UserError, match=r"8 bad pair\(s\)(.|\n)*and 3 more"):
        read_all([str(write([GOOD | {"generation_1": ""}] * 8))])


def test_what_is_not_there(write):
    with pytest.raises(UserError, match="there is no such file"):
        read_all(["./nowhere.jsonl"])
    file = write([])
    with pytest.raises(UserError, match=r"a file has no splits\. Write "):
        read_all([f"{file}:test"])
    with pytest.raises(UserError, match="no pairs in it"):
        read_all([str(write([]))])


@pytest.mark.parametrize(("label", "word"), [(1, "similar"), (0, "different")])
def test_one_class_teaches_nothing(label, word):
    from dqo_verl.classifier.data import LabelledPair

    pairs = [LabelledPair("p", "a", "b", label)] * 3
    with pytest.raises(UserError, match=f"mine: all 3 pairs are {word}; a classifier needs pairs of both kinds"):
        check_both_classes(pairs, "mine")
