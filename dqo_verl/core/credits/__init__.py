"""The credits, one file each. Importing a file registers its credit, so add a new file to this import."""

from dqo_verl.core.credits import focal, maxrl, pass_at_k, plain  # noqa: F401
from dqo_verl.core.credits.base import Credit as Credit

CREDITS = Credit.choices
