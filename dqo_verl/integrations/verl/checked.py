"""`python -m dqo_verl.integrations.verl.checked TRAINER OVERRIDE ...`: run one of verl's trainers up to dqo_verl's checks."""

import importlib.util
import os
import runpy
import sys


def main() -> None:
    from dqo_verl.integrations.check_only import CHECK

    os.environ[CHECK] = "1"
    import verl

    if "dqo_verl.integrations.verl.plugin" not in sys.modules:
        print(
            f"dqo_verl is not active with verl {verl.__version__}, so nothing was checked. Is VERL_USE_EXTERNAL_PLUGINS set? "
            "For details, type dqo-verl doctor.",
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
