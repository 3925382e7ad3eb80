"""Collects problems in the data, with file and line; they are refused, or skipped and counted."""

from collections import Counter
from dataclasses import dataclass, field

from dqo_verl.errors import UserError


@dataclass
class Problems:
    """The problems found so far. `settle` raises one error for all of them, unless `skip` says to count them only."""

    skip: bool = False
    # what the user of this command can do
    remedy: str = "Repair them, or add --skip-bad to leave them out (they are counted in the result)."
    found: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, where: str, kind: str, detail: str = "") -> None:
        self.counts[kind] += 1
        self.found.append(f"{where}: {kind}{': ' + detail if detail else ''}")

    def settle(self) -> None:
        if self.found and not self.skip:
            shown = self.found[:10] + ([f"... and {len(self.found) - 10} more"] if len(self.found) > 10 else [])
            raise UserError("\n  ".join([f"{len(self.found)} bad row(s) or group(s):", *shown]) + f"\n{self.remedy}")
