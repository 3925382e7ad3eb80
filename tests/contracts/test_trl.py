"""What this package relies on in TRL: read from its sources, so that whatever moved is named."""

import pytest
from trl import GRPOTrainer, RLOOTrainer, SFTTrainer

from dqo_verl import UserError
from dqo_verl.integrations.trl import probe
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
