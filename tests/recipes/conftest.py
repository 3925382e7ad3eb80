import pytest


def build(directory, **steps):
    from experiments.tiny import judges as tiny_judges
    from experiments.tiny import policy as tiny

    tiny.build(directory / "tiny", **steps)
    tiny_judges.build(directory / "tiny", **steps)
    (directory / "tiny_remarks_0.3").symlink_to("tiny")  # of the same shape
    return directory


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """The tiny profile's own checkpoints, hardly trained."""
    return build(tmp_path_factory.mktemp("cache"), steps=2)


@pytest.fixture(scope="session")
def taught(tmp_path_factory):
    """The same as a user gets them: a policy that knows nothing is rewarded by no rule, and has no gradient."""
    return build(tmp_path_factory.mktemp("taught"))
