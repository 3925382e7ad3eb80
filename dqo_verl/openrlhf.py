"""OpenRLHF's training command with dqo_verl's estimators.

    python -m dqo_verl.openrlhf --algo.advantage.estimator dqo ...     instead of   python -m openrlhf.cli.train_ppo_ray ...

docs/openrlhf.md has the rest.
"""

import runpy
import sys

from dqo_verl.errors import UserError


def main() -> None:
    from dqo_verl.integrations.openrlhf.launch import prepare

    try:
        sys.argv[1:] = prepare(sys.argv[1:])
        runpy.run_module("openrlhf.cli.train_ppo_ray", run_name="__main__", alter_sys=True)
    except UserError as error:
        print(f"dqo_verl.openrlhf: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
