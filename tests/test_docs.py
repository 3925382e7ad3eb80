"""What the pages say of measures, settings and recipes is what the code has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dqo_verl.core.credits import CREDITS
from dqo_verl.core.measures import MEASURES
from dqo_verl.core.settings import known_keys, parse
from dqo_verl.core.sources import SOURCES

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path.read_text() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]}


# settings that together have every part
EVERY_PART = [
    *({"measure": name} for name, kind in MEASURES.items() if kind.__module__.startswith("dqo_verl.")),
    {"method": "darling", "classifier": "x"},
    {"measure": "dpp", "kernel": "gaussian"},
    {"measure": "dpp", "combine": "multiply"},
    {"measure": "dpp", "combine": "zscore_add"},
    {"measure": "partition", "classes": "answer"},
    {"measure": "partition", "classes": "math"},
    *({"method": "dqo", "credit": name} for name in CREDITS),
]


def table(page: str, first_cell: str) -> dict[str, list[str]]:
    """Rows of the table of a page whose heading starts with `first_cell`: name in backticks -> the other cells."""
    after = PAGES[page].split(f"| {first_cell} |", 1)[1].splitlines()[2:]
    rows = [
        re.split(r"(?<!\\)\|", line)[1:-1]
        for line in after[: next(i for i, line in enumerate([*after, ""]) if not line)]
    ]
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in rows}


def test_every_measure_is_documented_with_its_way_to_combine():
    documented = {name: cells[-1] for name, cells in table("settings.md", "measure").items()}
    ours = {name: kind.combine for name, kind in MEASURES.items() if kind.__module__.startswith("dqo_verl.")}
    assert documented == ours | {"none": ""}


def test_every_key_is_documented_with_its_default():
    documented = table("settings.md", "key")
    assert documented.keys() == known_keys().keys()
    defaults: dict[str, set[object]] = {}
    for typed in EVERY_PART:
        for key, value in parse(typed).flat().items():
            if key not in typed:
                defaults.setdefault(key, set()).add(value)
    for key, (said, _) in documented.items():
        if key not in ("classes", "classifier", "judge", "combine", "threshold", "partition", "urls"):
            (value,) = defaults[key]
            assert str(value) == {"null": "None", "true": "True", "false": "False", "300": "300.0"}.get(said, said), key
    assert [documented[key][0] for key in ("classes", "classifier", "combine", "threshold", "partition", "urls")] == [
        "null",
        "null",
        "by measure",
        "by model",
        "by model",
        "[]",
    ]


def test_every_parameter_of_a_part_says_what_it_means():
    kinds = [*MEASURES.values(), *CREDITS.values(), *SOURCES]
    assert not [
        (kind.__name__, key) for kind in kinds for key, field in kind.model_fields.items() if not field.description
    ]


def test_the_page_about_a_measure_of_ones_own_is_true(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGES["own_measure.md"], re.DOTALL)
    (tmp_path / "my_measures.py").write_text(blocks[0])
    *_, expression, shown = blocks[1].strip().splitlines()
    code = "\n".join([*blocks[1].strip().splitlines()[:-2], f"print({expression})"])
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == shown.removeprefix("# "), done.stderr[-2000:]


def test_what_the_readme_shows_of_python_is_what_python_says():
    import doctest

    (block,) = re.findall(r"```python\n(>>>.*?)```", PAGES["README.md"], re.DOTALL)
    example = doctest.DocTestParser().get_doctest(block, {}, "README.md", None, None)
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page):
    folder = ROOT if (ROOT / page).exists() else ROOT / "docs"
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", PAGES[page])
    assert not [link for link in links if "://" not in link and not (folder / link).exists()]


def test_paths_of_code_that_pages_name_exist():
    named = {
        (page, path)
        for page, text in PAGES.items()
        if page != "CHANGELOG.md"
        for path in re.findall(
            r"`((?:dqo_verl|experiments|recipes|tests|benchmarks|docs)/[\w/.]+\.(?:py|sh|md|json))`", text
        )
    }
    assert not [place for place in named if "NAME" not in place[1] and not (ROOT / place[1]).exists()]


def test_each_paper_that_a_page_cites_is_in_the_bibliography():
    entries = (ROOT / "docs/references.bib").read_text()
    cited = {(page, id_) for page, text in PAGES.items() for id_ in re.findall(r"arxiv\.org/abs/(\d{4}\.\d{5})", text)}
    assert len(cited) > 20
    assert not [(page, id_) for page, id_ in cited if f"eprint = {{{id_}}}" not in entries]


def test_the_citation_names_this_version():
    import dqo_verl

    assert f"version: {dqo_verl.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_page_of_python_names_lists_all_of_them():
    import dqo_verl

    listed = {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)$", PAGES["python.md"], re.MULTILINE)}
    assert listed == {*dqo_verl.__all__, "Diversity", "with_diversity"}


def test_the_pictures_of_the_readme_are_those_of_the_records():
    from experiments.collapse.hero import THEMES, draw

    for name, theme in THEMES.items():
        assert (ROOT / f"docs/hero_{name}.svg").read_text() == draw(theme)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    """Links and anchors are checked, and every page is in the navigation."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = done.stdout + done.stderr
    assert "WARNING" not in said
    assert 'not included in the "nav"' not in said, said
    home = (tmp_path / "site/index.html").read_text()
    assert "hero_light.svg" in home
    assert 'href="docs/' not in home
    assert "shape" in (tmp_path / "site/python/index.html").read_text()
