"""`DQO_VERL_CHECK=1` before a command: every check runs, the settings and their origins are printed, and nothing starts."""

import os

CHECK = "DQO_VERL_CHECK"


def check_only() -> bool:
    return os.environ.get(CHECK, "").lower() not in ("", "0", "false")
