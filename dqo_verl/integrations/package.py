"""A trainer's package as it is installed: what dqo_verl relies on is looked up in its sources, and nothing is imported.

Releases keep most of it for years, so a version number says little: what has moved is named instead. Trainers take seconds to
import, and a driver needs none of them.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import ClassVar

# file of the package -> function or method -> its parameters
Functions = Mapping[str, Mapping[str, tuple[str, ...]]]
# file of the package -> text -> what it says
Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Package:
    """An installation of a trainer."""

    name: ClassVar[str]
    version: str
    folder: Path

    def moved(self, functions: Functions) -> Iterator[str]:
        """Sentences about names that are gone or take other arguments."""
        for file, expected in functions.items():
            found = self._signatures(file)
            for name, parameters in expected.items():
                if name not in found:
                    yield f"{name} is no longer in {self.name}/{file}"
                elif found[name] != parameters:
                    yield (
                        f"{self.name}/{file}: {name} takes ({', '.join(found[name])}), where it took "
                        f"({', '.join(parameters)})"
                    )

    def lost(self, texts: Texts) -> Iterator[str]:
        """Sentences about what the sources no longer say."""
        for file, expected in texts.items():
            source = self.source(file)
            yield from (
                f"{self.name}/{file} no longer has {text} ({what})"
                for text, what in expected.items()
                if text not in source
            )

    def source(self, file: str) -> str:
        path = self.folder / file
        return path.read_text() if path.is_file() else ""

    def _signatures(self, file: str) -> dict[str, tuple[str, ...]]:
        """Parameters of functions and methods, from the compiled file: `ast` fails at times beside other threads in Python 3.11.0 to 3.11.4."""
        return dict(_functions(compile(self.source(file), file, "exec", dont_inherit=True)))


def _functions(code: CodeType, prefix: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and inner.co_flags & inspect.CO_OPTIMIZED:
            yield prefix + inner.co_name, inner.co_varnames[: inner.co_argcount + inner.co_kwonlyargcount]
        elif isinstance(inner, CodeType):
            # the body of a class
            yield from _functions(inner, f"{prefix}{inner.co_name}.")
