"""The model that a source names, and the stream that feeds it."""

from functools import partial

from dqo_verl.core.pairs import without_model
from dqo_verl.core.placements import Http
from dqo_verl.core.sources import ClassifiedPairs, Embeddings, JudgedClasses, MathClasses, Model
from dqo_verl.models.embedder import Embedder
from dqo_verl.models.equal_answers import EqualAnswers
from dqo_verl.models.judge import AT_ONCE, Judge
from dqo_verl.models.pair_classifier import PairClassifier
from dqo_verl.models.servers import Endpoint
from dqo_verl.streaming.classes import PartitionStream
from dqo_verl.streaming.embeddings import EmbeddingStream
from dqo_verl.streaming.judged import JudgedStream
from dqo_verl.streaming.stream import Stream


def model_and_stream(source: Model, device: str) -> tuple[Embedder | PairClassifier | Judge | EqualAnswers, Stream]:
    place = source.placement
    deadline = source.spelling.name("deadline")
    if isinstance(source, JudgedClasses):
        judge = Judge(source.judge, Endpoint(source.placement.urls, source.deadline, deadline, at_once=AT_ONCE))
        return judge, JudgedStream(judge)
    if isinstance(source, MathClasses):
        equal = EqualAnswers()
        # a blank response is like the others without a final answer
        return equal, PartitionStream(equal, decide=lambda a, b: None)
    servers = Endpoint(place.urls, source.deadline, deadline) if isinstance(place, Http) else None
    if isinstance(source, ClassifiedPairs):
        classifier = PairClassifier(
            source.classifier, device, threshold=source.threshold, both_orders=source.both_orders, servers=servers
        )
        told = f"two responses are the same above a probability of {classifier.threshold:g}"
        print(f"[dqo_verl] {classifier.name}: {told}", flush=True)
        decide = partial(without_model, short_words=source.short_answer_words)
        return classifier, PartitionStream(classifier, source.partition, decide)
    assert isinstance(source, Embeddings)
    embedder = Embedder(source.embedder, device, servers=servers)
    return embedder, EmbeddingStream(embedder)
