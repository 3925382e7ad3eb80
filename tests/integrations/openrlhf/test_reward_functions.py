"""Our reward functions in OpenRLHF's form: a query is the prompt and the response, with special tokens."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.rewards import gsm8k
from dqo_verl.rewards.queries import response_of

PROMPT = "<|im_start|>user\nHow much is 4 + 5? Write #### 7 behind it.<|im_end|>\n<|im_start|>assistant\n"


def test_gsm8k_is_asked_of_the_response_alone():
    answers = ["4 + 5 = 9\n#### 9<|im_end|>", "#### 8<|im_end|>", "no number</s>"]
    queries = [PROMPT + answer for answer in answers]
    found = gsm8k.reward_func(queries, [PROMPT] * 3, ["9"] * 3)
    assert found["rewards"].tolist() == found["scores"].tolist() == [1.0, 0.0, 0.0]
    assert found["extra_logs"]["characters_after_answer"].tolist()[:2] == [0.0, 0.0]
    # what OpenRLHF makes of one of them
    (one,) = [gsm8k.reward_func([query], [PROMPT], ["9"]) for query in queries[:1]]
    assert torch.tensor([one["rewards"]]).tolist() == [1.0]


def test_verls_column_is_a_label_too():
    label = {"style": "rule", "ground_truth": "9"}
    assert gsm8k.reward_func([PROMPT + "#### 9"], [PROMPT], [label])["rewards"].tolist() == [1.0]


@pytest.mark.slow
def test_mathematics():
    from dqo_verl.rewards import math

    found = math.reward_func([PROMPT + r"\boxed{\frac{1}{2}}<|im_end|>"], [PROMPT], ["0.5"])
    assert found["rewards"].tolist() == [1.0]


@given(prompt=st.text(min_size=1, max_size=30), response=st.text(alphabet="abc 0", max_size=20), cut=st.integers(0, 29))
def test_a_prompt_may_be_cut_at_its_beginning(prompt, response, cut):
    prompt += "assistant:"
    left = prompt[min(cut, len(prompt) - len("assistant:")) :]
    assert response_of(left + response, prompt).strip() == response.strip()


def test_a_query_that_has_nothing_of_its_prompt_is_refused():
    with pytest.raises(ValueError, match="does not begin with its prompt"):
        response_of("something else", "a prompt!")
