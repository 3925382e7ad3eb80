"""The notebook says what its cells print. After a change: python -m tests.test_notebook stores what they print now."""

import contextlib
import io
import json
from pathlib import Path

NOTEBOOK = Path(__file__).parents[1] / "docs/determinants.ipynb"


def printed(notebook):
    """What each code cell prints, in order, in one namespace."""
    names, found = {"__name__": "notebook"}, []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec("".join(cell["source"]), names)
            found.append((cell, out.getvalue()))
    return found


def test_every_cell_prints_what_is_stored():
    cells = printed(json.loads(NOTEBOOK.read_text()))
    stored = ["".join(text for output in cell["outputs"] for text in output["text"]) for cell, _ in cells]
    assert stored == [text for _, text in cells]
    assert sum(bool(text) for text in stored) >= 7


if __name__ == "__main__":
    notebook = json.loads(NOTEBOOK.read_text())
    for cell, text in printed(notebook):
        stream = {"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}
        cell["outputs"] = [stream] if text else []
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
