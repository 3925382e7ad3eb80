"""What the site has that docs/ has not: README as its first page, the notebook as a page, links to files of the repository."""

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent
LINK = re.compile(r"(\]\(|srcset=\"|src=\")([^)\"\s#]+)")


def on_files(files: Any, config: Any) -> Any:
    home = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=LINK.sub(_from_the_root, home)))
    notebook = json.loads((ROOT / "docs/determinants.ipynb").read_text(encoding="utf-8"))
    files.append(File.generated(config, "determinants.md", content=_as_markdown(notebook)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """What leaves docs/ leads to the repository, or is plain text where its address is not known."""
    markdown = markdown.replace("(determinants.ipynb)", "(determinants.md)")
    if config.repo_url:
        return re.sub(r"\]\(\.\./([^)]+)\)", rf"]({config.repo_url.rstrip('/')}/blob/main/\1)", markdown)
    markdown = re.sub(r"!\[([^\]]*)\]\(\.\./[^)]+\)", r"*\1*", markdown)
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
