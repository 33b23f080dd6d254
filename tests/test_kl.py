import pytest
import torch

from rlhf_lab.kl import adapted_kl_coef, doubled_or_halved, exact_kl, k1, k2, k3

GENERATOR = torch.Generator().manual_seed(0)
POLICY, REFERENCE = torch.randn(2, 7, generator=GENERATOR, dtype=torch.float64)
P, Q = POLICY.log_softmax(0), REFERENCE.log_softmax(0)


def kl(p, q):
    return torch.nn.functional.kl_div(q, p, log_target=True, reduction="sum")


def gradient_of_expected(estimator):
    """The gradient that a loss `estimator` gives on the policy's own samples, in expectation."""
    logits = POLICY.clone().requires_grad_()
    samples_weight = P.exp()  # fixed: the samples do not move with the policy
    (samples_weight * estimator(logits.log_softmax(0), Q)).sum().backward()
    return logits.grad


def gradient_of_kl(reverse):
    logits = POLICY.clone().requires_grad_()
    p = logits.log_softmax(0)
    (kl(Q, p) if reverse else kl(p, Q)).backward()
    return logits.grad


def test_exact_kl_is_torchs():
    assert exact_kl(POLICY, REFERENCE).item() == pytest.approx(kl(P, Q).item(), abs=1e-12)


@pytest.mark.parametrize("estimator", [k1, k3])
def test_k1_and_k3_are_unbiased(estimator):
    expected = (P.exp() * estimator(P, Q)).sum().item()
    assert expected == pytest.approx(kl(P, Q).item(), abs=1e-12)


def test_k2_is_biased():
    assert (P.exp() * k2(P, Q)).sum().item() != pytest.approx(kl(P, Q).item(), rel=0.01)


def test_k3_is_never_negative_and_k1_is_somewhere():
    assert (k3(P, Q) >= 0).all()
    assert (k1(P, Q) < 0).any()


def test_k3_keeps_its_digits_where_the_policies_are_nearly_equal():
    """log-ratio²/2 to first order: 1 is never subtracted from a number close to it."""
    near = torch.tensor([1e-9], dtype=torch.float64)
    assert k3(near, torch.zeros_like(near)).item() == pytest.approx(5e-19, rel=1e-3)


def test_expected_gradients_as_losses():
    """k1: 0.  k2: that of KL(π ‖ ref).  k3: that of KL(ref ‖ π)."""
    assert torch.allclose(gradient_of_expected(k1), torch.zeros(7, dtype=torch.float64))
    assert torch.allclose(gradient_of_expected(k2), gradient_of_kl(reverse=False))
    assert torch.allclose(gradient_of_expected(k3), gradient_of_kl(reverse=True))


def test_ziegler_controller_moves_by_at_most_a_fifth_of_its_gain():
    assert adapted_kl_coef(0.1, 6.0, target_kl=6.0) == 0.1
    assert adapted_kl_coef(0.1, 600.0, target_kl=6.0) == pytest.approx(0.1 * 1.02)
    assert adapted_kl_coef(0.1, 0.0, target_kl=6.0) == pytest.approx(0.1 * 0.98)
    assert adapted_kl_coef(0.1, 6.6, target_kl=6.0, gain=1.0) == pytest.approx(0.11)


def test_ppo_controller_doubles_halves_or_stays():
    assert doubled_or_halved(1.0, 0.0151, target_kl=0.01) == 2.0
    assert doubled_or_halved(1.0, 0.0066, target_kl=0.01) == 0.5
    assert doubled_or_halved(1.0, 0.0149, target_kl=0.01) == 1.0
    assert doubled_or_halved(1.0, 3.0, target_kl=2.0) == 1.0  # the edges themselves
    assert doubled_or_halved(1.0, 2.0, target_kl=3.0) == 1.0


@pytest.mark.parametrize("controller", [adapted_kl_coef, doubled_or_halved])
@pytest.mark.parametrize("target", [0.0, -1.0, float("nan")])
def test_a_target_that_is_not_positive_is_refused(controller, target):
    with pytest.raises(ValueError, match="target_kl must be a finite number above 0"):
        controller(0.1, 1.0, target_kl=target)


@pytest.mark.parametrize("gain", [0.0, -0.1, 5.0, float("nan")])
def test_a_gain_that_could_turn_beta_negative_is_refused(gain):
    with pytest.raises(ValueError, match=r"gain .* must lie between 0 and 5"):
        adapted_kl_coef(0.1, 1.0, target_kl=6.0, gain=gain)
    with pytest.raises(ValueError, match="beta must be a finite number, 0 or above"):
        adapted_kl_coef(-0.1, 1.0, target_kl=6.0)
    assert adapted_kl_coef(0.1, 0.0, target_kl=6.0, gain=4.99) > 0


@pytest.mark.parametrize("controller", [adapted_kl_coef, doubled_or_halved])
@pytest.mark.parametrize("observed", [-0.01, float("nan"), float("inf")])
def test_an_observation_that_is_no_kl_is_refused(controller, observed):
    """With NaN every comparison is false, so both controllers would go on as if all were well."""
    with pytest.raises(ValueError, match="an observed KL must be finite and 0 or above"):
        controller(0.1, observed, target_kl=1.0)


def test_a_token_that_both_policies_forbid_adds_nothing_to_the_kl():
    """The KL over the six tokens left; and no NaN in the gradient."""
    forbidden = torch.arange(7) == 3
    logits = POLICY.clone().requires_grad_()
    masked = [x.masked_fill(forbidden, -torch.inf) for x in (logits, REFERENCE)]
    found = exact_kl(*masked)
    assert found.item() == pytest.approx(exact_kl(POLICY[~forbidden], REFERENCE[~forbidden]).item())
    found.backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[3] == 0


def test_a_token_that_only_the_reference_forbids_makes_the_kl_infinite():
    assert exact_kl(POLICY, REFERENCE.masked_fill(torch.arange(7) == 3, -torch.inf)) == torch.inf
