"""Every wrong setting is refused with what to type instead."""

import pickle

import pytest

import dqo_verl
from dqo_verl.core.defaults import DEFAULT_COSINE
from dqo_verl.core.measures import MEASURES
from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import parse
from dqo_verl.core.sources import ClassifiedPairs, CosineClasses
from dqo_verl.errors import UserError


def test_a_method_is_enough():
    dqo, darling = parse({"method": "dqo"}), parse({"method": "darling"})
    assert (dqo.measure.name, dqo.combine.name, dqo.combine.alpha, dqo.source.reads) == (
        "dpp",
        "add",
        1.0,
        "embeddings",
    )
    assert (darling.measure.name, darling.combine.name, darling.combine.floor) == ("partition", "multiply", 0.0)


def test_null_is_as_if_it_were_not_typed():
    nothing = {"classes": None, "classifier": None, "judge": None, "threshold": None, "urls": []}
    assert parse({"method": "darling"} | nothing) == parse({"method": "darling"})


def test_classes_by_cosine_unless_there_is_a_classifier():
    source = parse({"method": "darling"}).source
    assert isinstance(source, CosineClasses)
    assert (source.threshold, source.partition) == (DEFAULT_COSINE, "first_member")
    assert parse({"method": "darling", "classifier": None}).source == source
    source = parse({"method": "darling", "classifier": "x"}).source
    assert isinstance(source, ClassifiedPairs)
    assert (source.threshold, source.partition) == (None, "components")
    assert parse({"method": "darling", "partition": "components"}).source.partition == "components"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("measure", MEASURES)
def test_any_measure_goes_with_any_method(method, measure):
    own = METHODS[method].keys() - {"measure", "credit"}
    is_own = measure == METHODS[method]["measure"]
    if own and not is_own and measure != "none":
        with pytest.raises(UserError, match=f"measure={measure} would drop what the method {method} sets"):
            parse({"method": method, "measure": measure})
        return
    if "credit" in METHODS[method] and MEASURES[measure].combine == "only":
        with pytest.raises(UserError, match="has no effect with combine=only"):
            parse({"method": method, "measure": measure})
        return
    if method in ("pkpo", "pass_training") and MEASURES[measure].combine == "multiply":
        with pytest.raises(UserError, match=f"credit={method} is negative .* Add quality_shift=group_min"):
            parse({"method": method, "measure": measure})
        parse({"method": method, "measure": measure, "quality_shift": "group_min"})
        return
    settings = parse({"method": method, "measure": measure})
    assert (settings.method, settings.measure.name) == (method, measure)
    assert settings.combine.name == (is_own and METHODS[method].get("combine")) or MEASURES[measure].combine


@pytest.mark.parametrize("method", METHODS)
def test_a_methods_own_measure_beside_it_changes_nothing(method):
    assert parse({"method": method, "measure": METHODS[method]["measure"]}) == parse({"method": method})


def test_numbers_may_be_typed_without_a_point():
    combine = parse({"method": "dqo", "alpha": 2, "gate": 0}).combine
    assert (combine.alpha, combine.gate) == (2.0, 0.0)
    assert isinstance(combine.alpha, float)
    assert isinstance(combine.gate, float)


def test_what_leaves_the_base_untouched():
    assert parse({"method": "dqo", "alpha": 0}).changes_nothing
    ignored = {"alpha": -5, "floor": 3, "urls": "x", "combine": "only", "gate": 1, "letters": 4}
    for off in ("none", None, False):
        settings = parse({"method": "dqo", "measure": off} | ignored)
        assert settings.changes_nothing
        assert settings.flat()["measure"] == "none"
    assert not parse({"method": "dqo"}).changes_nothing
    assert not parse({"method": "darling"}).changes_nothing


def test_a_key_goes_to_every_part_that_owns_it():
    settings = parse({"measure": "dpp_quality", "alpha": 0.5})
    assert (settings.measure.alpha, settings.combine.alpha) == (0.5, 0.5)


REFUSED = {
    "measure": (
        {"measure": "vendi"},
        "measure=vendi is not known. Choose one of: bleu, certainty, deviation, dpp, dpp_quality, ",
    ),
    "near miss of a measure": ({"measure": "ngrams"}, "Did you mean measure=ngram"),
    "near miss of a key": ({"aplha": 1}, "aplha does not exist. Did you mean alpha=1"),
    "text": ({"alpha": "big"}, "alpha='big' must be float, not str"),
    "bool": ({"alpha": True}, "alpha=True must be float, not bool"),
    "null": ({"alpha": None}, "alpha=null must be float, not null"),
    "nan": ({"alpha": float("nan")}, "alpha=nan must be a finite number"),
    "low": ({"alpha": -1}, "alpha=-1 must be between 0 and 1e+06"),
    "high": ({"method": "darling", "floor": 1.5}, "floor=1.5 must be between 0 and 1"),
    "no integer": ({"measure": "ngram", "ngram": 2.5}, "ngram=2.5 must be int, not float"),
    "choice": ({"scale": "std"}, "scale=std is not known. Choose one of: raw, decoupled"),
    "gate": ({"measure": "dpp_quality", "gate": 0.5}, "combine=only leaves no reward to responses outside the gate"),
    "placement": ({"placement": "tpu"}, "Choose one of: cpu, gpu, http, shared"),
    "empty urls": ({"placement": "http", "urls": []}, "http needs urls=...: Servers"),
    "a credit that diversity alone replaces": (
        {"method": "maxrl", "measure": "set_level"},
        "credit=maxrl has no effect with combine=only, which rewards set_level alone. Drop one of them",
    ),
    "a place that is no key": ({"source": "texts"}, "source does not exist"),
    "another name of a method": ({"measure": "dpp", "method": "foo"}, "method=foo is not known"),
    "no urls": ({"placement": "http"}, "http needs urls=...: Servers"),
    "divided by zero": ({"measure": "dpp_quality", "alpha": 0}, "alpha=0 must be between 1e-06 and 1e+06"),
    "neither method nor measure": (
        {"method": "grpo"},
        "method=grpo is not known. Choose one of: darling, darling_soft, diverse, dqo",
    ),
    # says why it has no effect, too
    "alpha of a product": (
        {"method": "darling", "alpha": 1},
        "alpha=1 has no effect: alpha belongs to combine=add, zscore_add, only or weigh, and this run combines by multiply, "
        "q max(d, floor). Leave it out.",
    ),
    "scale of a product": ({"method": "darling", "scale": "decoupled"}, "scale belongs to combine=add, and this run"),
    "floor of a sum": ({"floor": 0.1}, "floor belongs to combine=multiply, and this run combines by add, r + alpha d"),
    "n of another measure": ({"ngram": 3}, "ngram belongs to the measure ngram, and the measure is dpp"),
    "bandwidth": ({"bandwidth": 0.5}, "bandwidth belongs to kernel=gaussian, and the kernel is linear"),
    "huge": ({"kernel": "gaussian", "bandwidth": 1e300}, "bandwidth=1e+300 must be between 0.001 and 1000"),
    "threshold": ({"threshold": 0.5}, "threshold belongs to measures that read classes by cosine or classes by a pair"),
    "embedder beside a classifier": (
        {"method": "darling", "embedder": "x", "classifier": "y"},
        "embedder belongs to measures that read embeddings or classes by cosine, and partition reads classes by a pair",
    ),
    "urls": ({"urls": ["http://a"]}, "urls belongs to placement=http, and the placement is cpu"),
    "model of no model": ({"measure": "ngram", "actors": 2}, "actors belongs to measures that read embeddings"),
}


@pytest.mark.parametrize(("typed", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_with_what_to_type(typed, message):
    with pytest.raises(UserError) as error:
        parse({"method": "dqo"} | typed)
    assert message in str(error.value)


EVERY_KIND = [
    {"method": "dqo", "kernel": "gaussian", "bandwidth": 0.5, "gate": 0.1},
    {"method": "darling", "classifier": "x", "placement": "http", "urls": ["http://a", "http://b"]},
    {"measure": "none", "alpha": 3},
    *({"measure": measure} for measure in MEASURES),
]


@pytest.mark.parametrize("typed", EVERY_KIND)
def test_settings_survive_the_trip_to_another_process(typed):
    settings = parse(typed)
    assert parse(settings.flat()) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings


OWN = '''
from dqo_verl import Groups, Measure
from pydantic import Field

class LongWords(Measure):
    """Share of a response's words that are long."""

    name = "long_words"
    reads = "texts"
    letters: int = Field(6, ge=1)

    def __call__(self, groups: Groups):
        share = [[sum(len(w) >= self.letters for w in t.split()) / len(t.split()) for t in texts] for texts in groups.texts]
        return groups.each(share)

something_else = 3
'''


def test_a_measure_of_ones_own_from_a_file(tmp_path, monkeypatch):
    import torch

    (tmp_path / "mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    settings = parse({"method": "dqo", "measure": "mine.py:LongWords", "letters": 4})
    assert settings.flat()["measure"] == f"{tmp_path / 'mine.py'}:LongWords"
    assert parse(settings.flat()) == settings
    features = dqo_verl.Features(identities=[0, 1], texts=["a long word", "of no use"])
    shaped = dqo_verl.shape(torch.tensor([1.0, 1.0]), ["p", "p"], features, settings)
    assert shaped.to_reward.tolist() == pytest.approx([2 / 3, 0.0])
    with pytest.raises(UserError, match="letters=0 must be at least 1"):
        parse({"measure": "mine.py:LongWords", "letters": 0})


def test_a_measure_that_an_installed_package_brings(tmp_path, monkeypatch):
    (tmp_path / "brings_measures.py").write_text(OWN)
    installed = tmp_path / "brings_measures-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: brings_measures\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[dqo_verl.measures]\nwordy = brings_measures:LongWords\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = parse({"measure": "wordy", "letters": 3})
    assert (settings.measure.name, settings.flat()["measure"]) == (
        "long_words",
        "brings_measures:LongWords",
    )
    assert parse(settings.flat()) == settings
    assert parse({"measure": "brings_measures:LongWords", "letters": 3}).measure == settings.measure


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ("absent.py:Mine", r"there is no file absent\.py"),
        ("mine.py:Mine", r"mine\.py has no Mine"),
        ("mine.py:something_else", r"is not a class that extends dqo_verl\.Measure"),
        ("no_such_module:Mine", "No module named 'no_such_module'"),
        (":Mine", "write it as"),
    ],
)
def test_a_measure_of_ones_own_that_is_not_there(measure, message, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        parse({"measure": measure})


SHARED = """
from dqo_verl import Groups, Measure

class Mine(Measure):
    name = "mine"
    reads = "texts"
    alpha: float = 0.3
    words: tuple[str, ...] = ("the",)

    def __call__(self, groups: Groups):
        return groups.quality
"""


def test_a_key_that_a_measure_shares_has_the_measures_default_and_lists_become_tuples(tmp_path):
    (tmp_path / "mine.py").write_text(SHARED)
    settings = parse({"measure": f"{tmp_path}/mine.py:Mine"})
    assert (settings.measure.alpha, settings.combine.alpha, settings.measure.words) == (0.3, 0.3, ("the",))
    assert parse(settings.flat()) == settings
    typed = parse({"measure": f"{tmp_path}/mine.py:Mine", "alpha": 2, "words": ["a", "of"]})
    assert (typed.measure.alpha, typed.combine.alpha, typed.measure.words) == (2.0, 2.0, ("a", "of"))


def test_files_of_one_name_do_not_meet(tmp_path):
    for folder, file in (("a_b", "c"), ("a", "b_c")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{file}.py").write_text(SHARED.replace('"mine"', f'"{folder}"'))
    names = [parse({"measure": f"{tmp_path}/{place}.py:Mine"}).measure.name for place in ("a_b/c", "a/b_c")]
    assert names == ["a_b", "a"]


@pytest.mark.parametrize(
    ("body", "lacks"),
    [
        ("reads = 'texts'\n    def __call__(self, groups): ...", "has no `name`"),
        ("name = 'm'\n    reads = 'tokens'\n    def __call__(self, groups): ...", "has no `reads`, one of: embeddings"),
        (
            "name = 'm'\n    reads = 'nothing'\n    def __call__(self, groups): ...",
            "has no `reads`, one of: embeddings",
        ),
        ("name = 'm'\n    reads = 'texts'", r"has no __call__\(self, groups\)"),
        ("name = 'dpp'\n    reads = 'texts'\n    def __call__(self, groups): ...", "the name 'dpp' belongs to"),
    ],
)
def test_what_a_measure_of_ones_own_lacks_is_told(body, lacks, tmp_path):
    (tmp_path / "mine.py").write_text(f"from dqo_verl import Measure\n\nclass Mine(Measure):\n    {body}\n")
    with pytest.raises(UserError, match=lacks):
        parse({"measure": f"{tmp_path}/mine.py:Mine"})


def test_two_measures_of_one_name_do_not_replace_each_other():
    with pytest.raises(UserError, match=r"'dpp' belongs to dqo_verl\.core\.measures\.dpp"):
        type("Other", (dqo_verl.Measure,), {"name": "dpp", "__module__": "elsewhere"})
