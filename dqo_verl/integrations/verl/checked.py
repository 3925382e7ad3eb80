"""`python -m dqo_verl.integrations.verl.checked TRAINER OVERRIDE ...`: one of verl's trainers up to the checks, or not at all."""

import os
import runpy
import sys


def main() -> None:
    from dqo_verl.integrations.verl.check import VARIABLE

    os.environ[VARIABLE] = "1"
    import verl

    if "dqo_verl.integrations.verl.plugin" not in sys.modules:
        print(
            f"dqo_verl is not active beside verl {verl.__version__}: nothing was checked. Is VERL_USE_EXTERNAL_PLUGINS set? "
            "dqo-verl doctor says more.",
            file=sys.stderr,
        )
        sys.exit(2)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
