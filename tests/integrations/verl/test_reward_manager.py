"""Which responses are handed over while verl generates: those of which every token is the model's."""

import asyncio

import numpy as np
import pytest
import torch

from dqo_verl.core.keys import ResponseKey

from .conftest import prepared


@pytest.mark.parametrize(("turns", "streamed"), [(2, 1), (0, 0), (4, 0), (None, 0)])
def test_only_a_single_turn_is_streamed(turns, streamed, service, tokenizer):
    from tensordict import TensorDict
    from verl import DataProto
    from verl.trainer.ppo.reward import load_reward_manager

    ids = torch.tensor([tokenizer("1 + 2 #### 3")["input_ids"]])
    told = {
        "uid": f"turns{turns}",
        "session_id": 0,
        "data_source": "openai/gsm8k",
        "reward_model": {"ground_truth": "3"},
    }
    if turns is not None:
        told["__num_turns__"] = turns
    columns = {"prompts": ids, "responses": ids, "attention_mask": torch.ones(1, 2 * ids.shape[1], dtype=torch.long)}
    data = DataProto(
        batch=TensorDict(columns, batch_size=1),
        non_tensor_batch={key: np.array([value], dtype=object) for key, value in told.items()},
    )

    async def reward():
        return await load_reward_manager(prepared("algorithm.adv_estimator=dqo"), tokenizer).run_single(data)

    assert asyncio.run(reward())["reward_score"] == 1.0
    key = ResponseKey(f"turns{turns}", 0)
    assert service.collect([key], lambda keys: ["1 + 2 #### 3"] * len(keys)).streamed == streamed


def test_the_file_of_a_reward_function_is_run_once(service, tokenizer, tmp_path):
    from verl.trainer.ppo.reward import load_reward_manager

    (tmp_path / "own.py").write_text(
        f"open({str(tmp_path / 'runs')!r}, 'a').write('.')\n\ndef score(**_):\n    return 1.0\n"
    )
    function = [f"reward.custom_reward_function.{key}" for key in (f"path={tmp_path}/own.py", "name=score")]
    manager = load_reward_manager(prepared("algorithm.adv_estimator=dqo", *function), tokenizer)
    assert (tmp_path / "runs").read_text() == "."
    assert manager.quality.compute_score is manager.compute_score
