"""Classes by final answers as mathematics, through the settings and the stream."""

import pytest

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import parse
from dqo_verl.errors import UserError
from dqo_verl.models import hub
from dqo_verl.streaming.local import LocalModel

pytest.importorskip("math_verify")


def test_equal_numbers_and_expressions_are_one_class_however_they_are_written():
    source = parse({"measure": "partition", "classes": "math"}).source
    texts = [
        r"so \boxed{\frac{1}{2}}",
        "#### 0.5",
        r"\boxed{2x + 4}",
        r"\boxed{2(x+2)}",
        r"\boxed{x}",
        "no answer",
        "",
        r"\boxed{banana}",
        r"another way: \boxed{banana}",
        r"\boxed{9^{9^{9^{9}}}}",
    ]
    keys = [ResponseKey("p", i) for i in range(len(texts))]
    collected = LocalModel(source, "cpu").collect(keys, [source.compared(text) for text in texts], keys)
    found = collected.values.tolist()
    a, b, c, none, banana, tower = (found[i] for i in (0, 2, 4, 5, 7, 9))
    assert found == [a, a, b, b, c, none, none, banana, banana, tower]
    assert len({a, b, c, none, banana, tower}) == 6
    assert len(set(collected.identities)) == len(texts), "two solutions with one answer are no duplicates"


def test_without_math_verify_the_message_says_what_to_type(monkeypatch):
    monkeypatch.setattr(hub.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"classes=math needs math-verify\. Type: pip install .*\[math\]"):
        hub.check(parse({"measure": "partition", "classes": "math"}).source)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"classes": "maths"}, "classes=maths is not known. Choose one of: answer, math."),
        (
            {"classes": "answer", "answer_only": True},
            "answer_only=true has no effect: this run compares final answers only",
        ),
        (
            {"classes": "math", "answer_only": True},
            "answer_only=true has no effect: this run compares final answers only",
        ),
        ({"classes": "math", "placement": "gpu"}, "placement=gpu is not known.*Choose one of: cpu."),
    ],
)
def test_what_does_not_go_is_refused(typed, message):
    with pytest.raises(UserError, match=message):
        parse({"measure": "partition"} | typed)
