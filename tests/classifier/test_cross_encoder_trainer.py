"""Why `classifier train` has a loop of its own: what sentence-transformers' CrossEncoderTrainer does differently.

If one of these tests fails, the library has changed, and our loop may be able to go (docs/classifier.md, "Why not CrossEncoderTrainer").
"""

import pytest
import torch
from datasets import Dataset
from sentence_transformers.cross_encoder import CrossEncoder, CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import CrossEntropyLoss


@pytest.fixture
def trained(backbone, tmp_path):
    """`trained(class weights, micro-batch)` -> the weights after four updates of four pairs, two of three of which differ."""
    rows = {
        "a": ["one two", "two three", "three four", "four one"] * 4,
        "b": ["one two", "four one", "one two", "two three"] * 4,
        "label": [1, 0, 0, 1] * 4,
    }

    def run(weights, micro_batch):
        torch.manual_seed(0)
        model = CrossEncoder(str(backbone), num_labels=2, device="cpu")
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        trainer = CrossEncoderTrainer(
            model=model,
            args=CrossEncoderTrainingArguments(
                output_dir=str(tmp_path / "out"),
                max_steps=4,
                per_device_train_batch_size=micro_batch,
                gradient_accumulation_steps=4 // micro_batch,
                learning_rate=1e-2,
                use_cpu=True,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict(rows),
            loss=CrossEntropyLoss(model, weight=torch.tensor(weights)),
        )
        trainer.train()
        return torch.cat(
            [value.flatten().double() for value in model.state_dict().values() if value.is_floating_point()]
        )

    return run


def test_its_class_weights_cancel_at_a_micro_batch_of_one(trained):
    """DARLING trains with one pair at a time: a weighted mean over one pair is its loss, whatever the weight."""
    even, uneven = trained((1.0, 1.0), 1), trained((0.1, 10.0), 1)
    torch.testing.assert_close(even, uneven, rtol=1e-4, atol=1e-5)
    even, uneven = trained((1.0, 1.0), 4), trained((0.1, 10.0), 4)
    assert (even - uneven).abs().max() > 1e-2


def test_it_cuts_the_pair_and_not_each_response(backbone):
    model = CrossEncoder(str(backbone), num_labels=2, device="cpu")
    model.max_seq_length = 16
    first, second = "one " * 20, "two two"
    ids = model.preprocess([(first, second)])["input_ids"][0]
    # the longer response loses all that is too much, and nobody is told
    assert len(ids) == 16
    kept = model.tokenizer.decode(ids)
    assert kept.count("two") == 2
    assert kept.count("one") < 16 - 4
