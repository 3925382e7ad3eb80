"""A real trainer of TRL's on a policy of random weights, with an embedder made here."""

from pathlib import Path

import pytest

PROMPTS = ("name a fruit:", "name a bird:", "name a tree:", "name a tool:")
COUNT, GROUP = 32, 8


def quality(completions, **_):
    """1 for a text of odd length."""
    return [float(len(text) % 2) for text in completions]


@pytest.fixture(scope="session")
def policy_and_embedder(tmp_path_factory):
    """Folders of a policy, and of an embedder to which different texts look different."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    from dqo_verl.lab.model import byte_tokenizer, new_policy

    place = tmp_path_factory.mktemp("trl")
    tokenizer = byte_tokenizer(PROMPTS, vocab_size=300)
    new_policy(tokenizer, 0).save_pretrained(place / "policy")
    tokenizer.save_pretrained(place / "policy")
    vectors = torch.randn(len(tokenizer), 16, generator=torch.Generator().manual_seed(0))
    SentenceTransformer(
        modules=[StaticEmbedding(tokenizer.backend_tokenizer, embedding_weights=vectors)], device="cpu"
    ).save(str(place / "embedder"))
    return place / "policy", place / "embedder"


def make_trainer(policy, trainer_class, diversity=None, reward=quality, conversational=False, eval_too=False, **typed):
    """A trainer for `max_steps` updates, two per generation of four prompts."""
    import datasets
    from trl import GRPOConfig, RLOOConfig, RLOOTrainer

    is_rloo = issubclass(trainer_class, RLOOTrainer)
    values = {
        "output_dir": str(Path(policy).parent / "out"),
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_steps": 1,
        "seed": 1,
        "per_device_train_batch_size": COUNT // 2,
        "per_device_eval_batch_size": COUNT,
        "steps_per_generation": 2,
        "num_generations": GROUP,
        "max_completion_length": 8,
        "max_steps": 2,
        "learning_rate": 1e-3,
        "beta": 0.0,
        **({} if is_rloo else {"scale_rewards": "none"}),
        **typed,
    }
    rows = [
        {"prompt": [{"role": "user", "content": prompt}] if conversational else prompt, "truth": prompt}
        for prompt in PROMPTS
    ]
    data = datasets.Dataset.from_list(rows)
    return trainer_class(
        model=str(policy),
        reward_funcs=reward,
        args=(RLOOConfig if is_rloo else GRPOConfig)(**values),
        train_dataset=data,
        eval_dataset=data if eval_too else None,
        **({} if diversity is None else {"diversity": diversity}),
    )


def watch(trainer):
    """What the trainer's first generation gives: `{"advantages": ..., "completions": ...}`, filled in while it trains."""
    seen = {}
    generate = trainer._generate_and_score_completions

    def generate_and_look(inputs):
        output = generate(inputs)
        if not seen:
            logs = trainer._logs
            seen.update(
                advantages=output["advantages"].clone(),
                logged=list(logs["advantages"]),
                completions=list(logs["completion"]),
                rewards={name: list(column) for name, column in logs["rewards"].items()},
            )
        return output

    trainer._generate_and_score_completions = generate_and_look
    return seen


def log_of(trainer):
    return trainer.state.log_history
