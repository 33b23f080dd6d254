import pytest
import torch

from rlhf_lab.cost import HELD, SHAPES, Shape, activation_bytes, products, shared_share
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad

SHAPE = Shape(layers=2, width=32, heads=4, vocabulary=50, context=64)


def model(shape=SHAPE):
    sizes = {"layers": shape.layers, "width": shape.width, "heads": shape.heads}
    return GPT2(tiny_gpt2(shape.vocabulary, context=shape.context, seed=0, **sizes))


def batch(rows, prompt, response):
    """Prompts that all differ, so that none is shared."""
    return pad([[i + 1] * prompt for i in range(rows)], [[2] * response] * rows)


def test_parameters_are_those_of_the_model():
    assert SHAPE.parameters() == sum(p.numel() for p in model().parameters())
    assert SHAPES["124M"].parameters() == 124_439_808


def kept_bytes(texts):
    """Every storage that the graph saves, weights left out, each once."""
    policy, kept = model(), {}
    weights = {p.untyped_storage().data_ptr() for p in policy.parameters()}

    def save(x):
        if x.is_floating_point() and x.untyped_storage().data_ptr() not in weights:
            kept[x.untyped_storage().data_ptr()] = x
        return x

    with torch.autograd.graph.saved_tensors_hooks(save, lambda x: x):
        logprobs = response_logprobs(policy, texts)
    assert logprobs.requires_grad
    return sum(x.untyped_storage().nbytes() for x in kept.values())


def test_what_autograd_keeps_is_what_is_counted():
    counted = activation_bytes(SHAPE, rows=3, context=19, scored=19)
    assert kept_bytes(batch(3, 1, 19)) == pytest.approx(counted, rel=0.05)


def test_of_a_prompt_the_last_layer_keeps_less():
    """Of 2 layers nearly half of one, for 7 of 19 columns."""
    counted = activation_bytes(SHAPE, rows=3, context=19, scored=12)
    assert 0.8 * counted < kept_bytes(batch(3, 8, 12)) < 0.9 * counted


def test_adam_keeps_two_numbers_for_each_weight():
    policy = model()
    optimizer = torch.optim.Adam(policy.parameters())
    response_logprobs(policy, batch(1, 2, 2)).sum().backward()
    optimizer.step()
    parameters = SHAPE.parameters()
    held = HELD["DPO"].bytes(parameters)
    gradients = sum(p.grad.nbytes for p in policy.parameters())
    moments = sum(
        x.nbytes for state in optimizer.state.values() for x in state.values() if x.dim() > 0
    )
    assert (held["gradients"], held["Adam's moments"]) == (gradients, moments)
    assert held["weights"] == 2 * sum(p.nbytes for p in policy.parameters())


def test_ppo_holds_twice_the_learners_of_dpo_and_twice_its_weights():
    dpo, ppo = (HELD[name].bytes(100) for name in ("DPO", "PPO"))
    assert all(ppo[name] == 2 * dpo[name] for name in dpo)


@pytest.mark.parametrize("length", [16, 32])
def test_products_are_those_that_torch_counts(length):
    """torch's own counter, of a pass and its gradient, all logits computed.

    It counts attention in full, ours the half that a causal mask leaves.
    """
    from torch.utils.flop_counter import FlopCounterMode

    texts = batch(3, 1, length)
    policy = model()
    with FlopCounterMode(display=False) as counter:
        response_logprobs(policy, texts).sum().backward()
    counted = products(SHAPE, rows=3, prompt=0, response=length, trained=1, read=0)
    other_half = 3 * 3 * length * 2 * SHAPE.layers * length * SHAPE.width
    assert counter.get_total_flops() == pytest.approx(counted + other_half, rel=0.02)


def test_a_shared_prompt_counts_once_for_its_group():
    assert shared_share(prompt=32, response=48, group=8) == (32 + 8 * 48) / (8 * 80)
    assert shared_share(prompt=7, response=5, group=1) == 1
