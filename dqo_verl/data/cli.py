"""`dqo-verl prepare NAME`."""

from dataclasses import dataclass

from dqo_verl.data.options import Prepare


@dataclass(frozen=True)
class Command(Prepare):
    """Write a public data set as parquet files for verl, each with a JSON file that records its origin."""

    def run(self) -> None:
        from dqo_verl.data.prepare import prepare

        prepare(self)
