"""What the site has that docs/ has not: README as its first page, the notebook, all settings and each claim as pages, links to the repository."""

import inspect
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent
# families whose modules say more than their classes
OF_ITS_MODULE = ("Measures", "What stands for the reward")
# a picture that a page shows from outside docs/, and where the site has it
IMAGE = re.compile(r"!\[[^\]]*\]\(\.\./([^)]+)\)")
OUTSIDE = "from_the_repository"
LINK = re.compile(r"(\]\(|srcset=\"|src=\")([^)\"\s#]+)")


def on_files(files: Any, config: Any) -> Any:
    home = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=LINK.sub(_from_the_root, home)))
    notebook = json.loads((ROOT / "docs/determinants.ipynb").read_text(encoding="utf-8"))
    files.append(File.generated(config, "determinants.md", content=_as_markdown(notebook)))
    files.append(File.generated(config, "settings_by_part.md", content=settings_by_part()))
    for name, text in claim_pages().items():
        files.append(File.generated(config, name, content=text))
    for path in sorted({path for page in (ROOT / "docs").glob("*.md") for path in IMAGE.findall(page.read_text())}):
        files.append(File.generated(config, f"{OUTSIDE}/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """What leaves docs/ leads to the repository, or is plain text where its address is not known."""
    markdown = markdown.replace("(determinants.ipynb)", "(determinants.md)")
    markdown = re.sub(r"(!\[[^\]]*\]\()\.\./", rf"\1{OUTSIDE}/", markdown)
    if config.repo_url:
        return re.sub(r"\]\(\.\./([^)]+)\)", rf"]({config.repo_url.rstrip('/')}/blob/main/\1)", markdown)
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", markdown)


def _from_the_root(found: re.Match[str]) -> str:
    before, path = found.groups()
    if "://" in path:
        return found[0]
    return before + (path.removeprefix("docs/") if path.startswith("docs/") else f"../{path}")


def _as_markdown(notebook: dict[str, Any]) -> str:
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        if printed := "".join(text for output in cell["outputs"] for text in output["text"]):
            parts.append(f"```text\n{printed}```")
    return "\n\n".join(parts) + "\n"


def claim_pages() -> dict[str, str]:
    """The lab's claims with their verdicts, from the records."""
    # experiments/ is not in the package, and a console script does not look into the current folder
    sys.path.insert(0, str(ROOT))
    from experiments.lab import records
    from experiments.lab.pages import pages
    from experiments.lab.verdicts import Evidence

    return pages(Evidence(records.read()))


def settings_by_part() -> str:
    """Every part of a run with its own keys, from the classes themselves."""
    from dqo_verl.core.credits import CREDITS
    from dqo_verl.core.kernels import Kernel
    from dqo_verl.core.measures import MEASURES
    from dqo_verl.core.objectives import Objective
    from dqo_verl.core.placements import Placement
    from dqo_verl.core.sources import SOURCES

    families: dict[str, tuple[str, Iterable[Any]]] = {
        "Measures": ("+reward_model.diversity=NAME", MEASURES.values()),
        "Kernels": ("+algorithm.diversity.kernel=NAME", Kernel.choices.values()),
        "How diversity meets the reward": ("+algorithm.diversity.combine=NAME", Objective.choices.values()),
        "What stands for the reward": ("+algorithm.diversity.credit=NAME", CREDITS.values()),
        "Where features come from": ("chosen by the keys below", SOURCES),
        "Where the model runs": ("+algorithm.diversity.placement=NAME", Placement.choices.values()),
    }
    parts = [
        "# Settings, by part",
        "Made from the code: each part of a run, and the keys that it reads. What no part of a run reads is refused before it starts. "
        "The same keys in one table, with what to think of when you choose: [settings](settings.md).",
    ]
    for family, (typed, kinds) in families.items():
        parts += [f"## {family}", f"`{typed}`"]
        ours = [kind for kind in kinds if kind.__module__.startswith("dqo_verl.")]
        for kind in sorted(ours, key=lambda one: one.name) if family == "Measures" else ours:
            parts += [f"### {kind.name}", inspect.getdoc(kind) or ""]
            if family in OF_ITS_MODULE:
                # formula, paper, what happens at the edges
                parts.append(inspect.getdoc(sys.modules[kind.__module__]) or "")
            rows = [_row(key, field) for key, field in kind.model_fields.items()]
            if rows:
                parts.append("| key | default | meaning | example |\n|---|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _row(key: str, field: Any) -> str:
    default = getattr(field.default, "name", field.default)
    default = json.dumps(default) if default is None or isinstance(default, bool | tuple) else default
    known = "" if field.is_required() else f"`{default}`"
    meaning = (field.description or "").replace("|", "\\|").replace("\n", " ")
    return f"| `{key}` | {known} | {meaning} | `+algorithm.diversity.{key}={'VALUE' if field.is_required() else default}` |"
