"""Where the features of a run come from: which model reads the responses, and where it runs."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor

from dqo_verl.core.classes import cosine_same, labels
from dqo_verl.core.defaults import DEFAULT_COSINE, MINILM
from dqo_verl.core.features import Features
from dqo_verl.core.final_answer import final_answer, up_to_answer
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.measures.base import Reads
from dqo_verl.core.parts import Part
from dqo_verl.core.placements import Cpu, Http, Placement

Rule = Literal["components", "first_member"]
AnswerRule = Literal["answer", "math"]
# the class of a response that is not compared
NOT_COMPARED = -1


def _last(place: str) -> str:
    """The name of a model without its owner or folder."""
    return place.rstrip("/").rsplit("/", 1)[-1]


class Source(Part):
    """How a run gets the features that its measure reads."""

    # its name in messages
    name: ClassVar[str]
    # which column of the features it fills
    reads: ClassVar[Reads]

    def compared(self, text: str) -> str:
        """The part of a response that takes part in the comparison."""
        return text

    def in_words(self) -> str:
        """What the measure reads, as a phrase to append to the measure's own."""
        return ""


class Nothing(Source):
    """No features, for the measure `none`."""

    name = "nothing"
    reads: ClassVar[Reads] = "nothing"


class LogProbs(Source):
    """The policy's own log-probabilities, which the trainer has."""

    name = "log-probabilities"
    reads: ClassVar[Reads] = "log_probs"

    def in_words(self) -> str:
        return "by the policy's own probabilities"


def _the_answer_alone(answer_only: bool) -> bool:
    if answer_only:
        raise ValueError("{answer_only=true} has no effect: this run compares final answers only. Leave it out.")
    return answer_only


class Texts(Source):
    """The responses themselves."""

    name = "texts"
    reads: ClassVar[Reads] = "texts"

    answer_only: bool = False
    r"""Compare the text up to the final answer (`#### number` or `\boxed{...}`) only: noise after it earns nothing."""

    def compared(self, text: str) -> str:
        return up_to_answer(text) if self.answer_only else text

    def of_texts(self, texts: Sequence[str]) -> Features:
        """The features of these texts, which need no model."""
        return Features(texts, texts=texts)


class AnswerClasses(Texts):
    """Classes by the final answer of a response, without a model. Responses without a final answer form one class."""

    name = "final answers"
    reads: ClassVar[Reads] = "classes"

    _no_answer_only = field_validator("answer_only")(_the_answer_alone)

    classes: AnswerRule = "answer"
    """Same if the final answers (`#### number` or `\\boxed{...}`) are equal: as texts (`answer`) or as mathematics (`math`)."""

    def in_words(self) -> str:
        return "by final answers"

    def of_texts(self, texts: Sequence[str]) -> Features:
        number: dict[str | None, int] = {}
        labels = [number.setdefault(final_answer(text), len(number)) for text in texts]
        return Features(texts, texts=texts, classes=torch.tensor(labels))


class Model(Texts, ABC):
    """Features from a model that reads the responses."""

    stream: bool = True
    """Compute features while the trainer still generates; false: when they are needed. The numbers are the same."""

    placement: Placement = Cpu()
    """Where the model runs: cpu, gpu (one reserved), shared (a training GPU), http (your own servers)."""

    actors: int = Field(1, ge=1)
    """Copies of the model, spread over the nodes; a prompt's responses stay together."""

    start_timeout: float = Field(300.0, gt=0, le=1e6)
    """Seconds until the model must be loaded."""

    deadline: float = Field(300.0, gt=0, le=1e6)
    """Seconds that a request to a server may take, retries included; a step waits for its features twice as long."""

    @abstractmethod
    def features(
        self, keys: Sequence[ResponseKey], compared: Tensor, identities: Sequence[Hashable], values: Any
    ) -> Features:
        """The features from the model's output for these responses; responses that are not `compared` do not count."""


class Embeddings(Model):
    """Unit-norm sentence embeddings."""

    name = "embeddings"
    reads: ClassVar[Reads] = "embeddings"

    embedder: str = MINILM
    """sentence-transformers model: hub name or path."""

    def in_words(self) -> str:
        return f"of {_last(self.embedder)} embeddings"

    def features(
        self, keys: Sequence[ResponseKey], compared: Tensor, identities: Sequence[Hashable], values: Any
    ) -> Features:
        return Features(identities, embeddings=torch.as_tensor(values))


class CosineClasses(Embeddings):
    """Classes by the cosine of embeddings, for runs without a classifier, a judge or `classes`."""

    name = "classes by cosine"
    reads: ClassVar[Reads] = "classes"

    threshold: float = Field(DEFAULT_COSINE, ge=-1, le=1)
    """Two responses are the same above this cosine."""

    partition: Rule = "first_member"
    """How decisions on pairs become classes."""

    def in_words(self) -> str:
        return f"by the cosine of {_last(self.embedder)} embeddings"

    def features(
        self, keys: Sequence[ResponseKey], compared: Tensor, identities: Sequence[Hashable], values: Any
    ) -> Features:
        embeddings = torch.as_tensor(values)
        found = torch.full((len(keys),), NOT_COMPARED)
        groups: dict[str, list[int]] = {}
        for row in sorted(compared.nonzero().flatten().tolist(), key=lambda row: keys[row].sample):
            groups.setdefault(keys[row].group, []).append(row)
        for rows in groups.values():
            found[rows] = torch.tensor(labels(cosine_same(embeddings[rows], self.threshold), self.partition))
        return Features(identities, classes=found)


class Labels(Model, ABC):
    """The model itself gives each response a class."""

    reads: ClassVar[Reads] = "classes"

    def features(
        self, keys: Sequence[ResponseKey], compared: Tensor, identities: Sequence[Hashable], values: Any
    ) -> Features:
        return Features(identities, classes=torch.as_tensor(values))


class ClassifiedPairs(Labels):
    """Classes by a trained pair classifier, as in DARLING."""

    name = "classes by a pair classifier"

    classifier: str
    """Sequence classifier with two labels: hub name or path."""

    threshold: float | None = Field(None, ge=0, le=1)
    """Two responses are the same above this probability; null: the classifier's own threshold."""

    partition: Rule = "components"
    """How decisions on pairs become classes."""

    both_orders: bool = False
    """Ask the classifier for (a, b) and (b, a), and average."""

    short_answer_words: int = Field(0, ge=0)
    """Answers of at most this many words are the same if they share half of the longer one's words; 0: off."""

    def in_words(self) -> str:
        return f"by the classifier {_last(self.classifier)}"


class MathClasses(Labels):
    """Classes by the final answer as mathematics: 1/2 and 0.5 are equal. Responses without a final answer form one class."""

    name = "final answers as mathematics"

    _no_answer_only = field_validator("answer_only")(_the_answer_alone)

    classes: AnswerRule = "math"
    """Two responses are the same if math-verify finds their final answers equal."""

    placement: Cpu = Cpu()
    """math-verify runs in processes beside the feature worker."""

    def in_words(self) -> str:
        return "by final answers as mathematics"


class JudgedClasses(Labels):
    """Classes by a language model that reads the responses to a prompt together and sorts them."""

    name = "classes by a judge"

    judge: str
    """The language model that sorts the responses, by its name on your own servers (`urls`, OpenAI's protocol)."""

    placement: Http
    """A judge runs on your own servers."""

    def in_words(self) -> str:
        return f"by the judge {_last(self.judge)}"


SOURCES: tuple[type[Source], ...] = (
    Embeddings,
    CosineClasses,
    ClassifiedPairs,
    JudgedClasses,
    AnswerClasses,
    MathClasses,
    Texts,
    LogProbs,
    Nothing,
)


# the sources of classes, by the key that selects them
CLASSES: dict[str, type[Source]] = {"classifier": ClassifiedPairs, "judge": JudgedClasses, "classes": AnswerClasses}


def source_for(reads: Reads, typed: Mapping[str, Any]) -> type[Source]:
    """The source of what a measure reads.

    Classes have five: a pair classifier, a judge, final answers as texts or as mathematics, or the embedder.
    """
    if reads == "classes":
        found = next((source for key, source in CLASSES.items() if key in typed), CosineClasses)
        return MathClasses if found is AnswerClasses and typed["classes"] == "math" else found
    return next(source for source in SOURCES if source.reads == reads)
