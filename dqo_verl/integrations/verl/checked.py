"""`python -m dqo_verl.integrations.verl.checked TRAINER OVERRIDE ...`: one of verl's trainers up to the checks, or not at all."""

import importlib.util
import os
import runpy
import sys


def main() -> None:
    from dqo_verl.integrations.verl.overrides import CHECK

    os.environ[CHECK] = "1"
    import verl

    if "dqo_verl.integrations.verl.plugin" not in sys.modules:
        print(
            f"dqo_verl is not active beside verl {verl.__version__}: nothing was checked. Is VERL_USE_EXTERNAL_PLUGINS set? "
            "dqo-verl doctor says more.",
            file=sys.stderr,
        )
        sys.exit(2)
    del sys.argv[0]
    try:
        found = importlib.util.find_spec(sys.argv[0])
    except ModuleNotFoundError:
        found = None
    if found is None:
        print(f"dqo-verl check: --trainer {sys.argv[0]}: there is no such module.", file=sys.stderr)
        sys.exit(2)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
