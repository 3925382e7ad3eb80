"""The settings that are compared: each row has what a user would type, and what differs from the trainer's usual settings."""

from typing import Any

from dqo_verl.lab.training import Row


def dqo(alpha: float = 1.0, **typed: Any) -> dict[str, Any]:
    return {"method": "dqo", "alpha": float(alpha), **typed}


GRPO = Row(std=True)
DARLING = {"method": "darling"}
ROWS: dict[str, Row] = {
    "grpo": GRPO,
    "grpo_no_std": Row(),
    **{f"dqo_{alpha:g}": Row(dqo(alpha)) for alpha in (0.25, 0.5, 1, 2, 4)},
    **{f"dqo_std_{alpha:g}": Row(dqo(alpha), std=True) for alpha in (0.25, 1, 4)},
    **{f"decoupled_{alpha:g}": Row(dqo(alpha, scale="decoupled"), std=True) for alpha in (1, 2, 4, 8)},
    **{f"gate_{alpha:g}": Row(dqo(alpha, gate=0.5)) for alpha in (0.5, 1, 2, 4)},
    "gate_std_1": Row(dqo(1, gate=0.5), std=True),
    **{f"gate_decoupled_{alpha:g}": Row(dqo(alpha, gate=0.5, scale="decoupled"), std=True) for alpha in (1, 4)},
    **{f"diverse_{alpha:g}": Row(dqo(alpha, gate="mean", unit="gap")) for alpha in (1, 2, 3, 4)},
    **{f"mean_decoupled_{alpha:g}": Row(dqo(alpha, gate="mean", scale="decoupled"), std=True) for alpha in (2, 4)},
    "psi_1": Row({"measure": "dpp_quality", "alpha": 1.0}),
    "pairwise_1": Row({"measure": "pairwise"}),
    "gate_pairwise_1": Row({"measure": "pairwise", "gate": 0.5}),
    "elliptical_1": Row({"measure": "elliptical"}),
    "darling": Row(DARLING),
    "darling_std": Row(DARLING, std=True),
    "darling_floor": Row(DARLING | {"floor": 0.1}),
    "darling_soft": Row({"measure": "pairwise", "combine": "multiply"}),
    # methods that replace the reward, weigh the advantage, or compare sets of responses
    **{name: Row({"method": name}) for name in ("maxrl", "pkpo", "pass_training", "focal", "uniqueness")},
    "maxrl_dqo_1": Row({"method": "maxrl", "measure": "dpp"}),
    "set_level": Row({"measure": "set_level"}),
    "novelty_1": Row({"measure": "novelty"}),
    **{f"entropy_{weight:g}": Row(std=True, entropy=weight) for weight in (0.01, 0.05)},
    **{f"temperature_{t:g}": Row(std=True, temperature=t) for t in (1.2, 1.5)},
    **{f"kl_{weight:g}": Row(std=True, kl=weight) for weight in (0.01, 0.1)},
}
# other k with as many responses per step, then with as many prompts per step
for name in ("grpo", "dqo_1", "gate_1", "darling"):
    for k, prompts in ((4, 64), (16, 16)):
        ROWS[f"{name}@k{k}"] = Row(ROWS[name].diversity, ROWS[name].std, k=k, prompts=prompts)
for name in ("grpo", "dqo_1"):
    for k in (4, 16):
        ROWS[f"{name}@k{k}_same_prompts"] = Row(ROWS[name].diversity, ROWS[name].std, k=k)
for name in ("grpo", "dqo_1", "gate_1", "darling", "decoupled_4"):
    for steps in (60, 100, 300):
        ROWS[f"{name}@{steps}"] = Row(ROWS[name].diversity, ROWS[name].std, steps=steps)
# a third of the learning rate
for name in ("grpo", "diverse_2"):
    ROWS[f"{name}@60_slow"] = Row(ROWS[name].diversity, ROWS[name].std, steps=60, lr=3e-4)
for share in (0.5, 0.8):
    ROWS[f"target_{share:g}@100"] = Row({"method": "diverse", "target": share}, steps=100)
