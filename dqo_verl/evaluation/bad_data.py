"""What is wrong with the data: named with file and line, refused or skipped and counted."""

from collections import Counter
from dataclasses import dataclass, field

from dqo_verl.errors import UserError


@dataclass
class Problems:
    """What was wrong. Without `skip` the collected problems become one error; with it they are counted."""

    skip: bool = False
    found: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, where: str, kind: str, detail: str = "") -> None:
        self.counts[kind] += 1
        self.found.append(f"{where}: {kind}{': ' + detail if detail else ''}")

    def settle(self) -> None:
        if self.found and not self.skip:
            more = f"\n  ... and {len(self.found) - 10} more" if len(self.found) > 10 else ""
            raise UserError(
                f"{len(self.found)} bad row(s) or group(s):\n  " + "\n  ".join(self.found[:10]) + more + "\n"
                "Repair them, or add --skip-bad to leave them out (they are counted in the result)."
            )
