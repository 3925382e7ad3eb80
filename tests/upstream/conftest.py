"""The tiny policy and the embedder of the tests on TRL."""

from tests.integrations.trl.conftest import policy_and_embedder  # noqa: F401
