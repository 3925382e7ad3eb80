"""What this package relies on in TRL: read from its sources, so that whatever moved is named."""

import pytest
import torch.distributed
from transformers.integrations import deepspeed, fsdp
from trl import GRPOTrainer, RLOOTrainer, SFTTrainer

from dqo_verl import UserError
from dqo_verl.integrations.trl import probe
from dqo_verl.integrations.trl.features import whole_weights
from dqo_verl.trl import with_diversity


def test_a_trainer_without_the_two_methods_is_refused():
    with pytest.raises(UserError, match=r"with_diversity\(SFTTrainer\).*has no _calculate_rewards"):
        with_diversity(SFTTrainer)


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, RLOOTrainer])
def test_the_seam_is_where_it_was(trainer_class):
    assert probe.moved(trainer_class) == []


def test_what_moved_is_said(monkeypatch):
    def elsewhere(self, inputs):
        return inputs

    monkeypatch.setattr(GRPOTrainer, "_generate_and_score_completions", elsewhere)
    found = probe.moved(GRPOTrainer)
    assert any("no longer asks for the table of rewards" in change for change in found)
    with pytest.raises(UserError, match="or DiverseReward, which works in any trainer"):
        with_diversity(GRPOTrainer)


def test_the_models_of_a_measure_are_not_loaded_as_the_policy_is(monkeypatch):
    """What transformers asks before it loads zeros in all processes but one (FSDP), or shards (ZeRO-3)."""

    class Sharded:
        def is_zero3(self):
            return True

    kept = Sharded()
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_CPU_RAM_EFFICIENT_LOADING", "true")
    monkeypatch.setattr(deepspeed, "_hf_deepspeed_config_weak_ref", None)
    deepspeed.set_hf_deepspeed_config(kept)
    assert (fsdp.is_fsdp_enabled(), deepspeed.is_deepspeed_zero3_enabled()) == (True, True)
    with whole_weights():
        assert (fsdp.is_fsdp_enabled(), deepspeed.is_deepspeed_zero3_enabled()) == (False, False)
    assert (fsdp.is_fsdp_enabled(), deepspeed.is_deepspeed_zero3_enabled()) == (True, True)
