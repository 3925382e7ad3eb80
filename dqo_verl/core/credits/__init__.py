"""The credits, one file each. Importing a file registers its credit: a new file is added to this import."""

from dqo_verl.core.credits import focal, maxrl, pass_at_k, plain  # noqa: F401
from dqo_verl.core.credits.base import Credit as Credit

CREDITS = Credit.choices
