import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """The tiny profile's own checkpoints, hardly trained."""
    from dqo_verl import tiny, tiny_judges

    directory = tmp_path_factory.mktemp("cache")
    tiny.build(directory / "tiny", steps=2)
    tiny_judges.build(directory / "tiny", steps=2)
    (directory / "tiny_remarks_0.3").symlink_to("tiny")  # of the same shape
    return directory
