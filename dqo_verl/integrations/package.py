"""Checks that an installed trainer still has the functions and source lines that dqo_verl relies on.

It reads the trainer's sources and imports nothing, because an import takes seconds. A version number alone says little, since
most of this code stays the same for years: messages name what has changed.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import ClassVar

# file of the package -> function or method -> its parameters; "name?" may be missing
Functions = Mapping[str, Mapping[str, tuple[str, ...]]]
# file of the package -> text -> what it is or does
Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Package:
    """An installation of a trainer."""

    name: ClassVar[str]
    version: str
    folder: Path

    def moved(self, functions: Functions) -> Iterator[str]:
        """A sentence for each function that is missing or takes other parameters."""
        for file, expected in functions.items():
            found = self._signatures(file)
            for name, parameters in expected.items():
                if name not in found:
                    yield f"{name} is no longer in {self.name}/{file}"
                    continue
                required = tuple(parameter for parameter in parameters if not parameter.endswith("?"))
                every = tuple(parameter.rstrip("?") for parameter in parameters)
                if found[name] not in (required, every):
                    yield (
                        f"{self.name}/{file}: {name} takes ({', '.join(found[name])}), but dqo_verl expects "
                        f"({', '.join(required)})"
                    )

    def lost(self, texts: Texts) -> Iterator[str]:
        """A sentence for each text that the sources no longer contain."""
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
        """The parameters of all functions and methods, from the compiled file.

        In Python 3.11.0 to 3.11.4, `ast` sometimes fails while other threads run.
        """
        return dict(_functions(compile(self.source(file), file, "exec", dont_inherit=True)))


def _functions(code: CodeType, prefix: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and inner.co_flags & inspect.CO_OPTIMIZED:
            yield prefix + inner.co_name, inner.co_varnames[: inner.co_argcount + inner.co_kwonlyargcount]
        elif isinstance(inner, CodeType):
            # the body of a class
            yield from _functions(inner, f"{prefix}{inner.co_name}.")
