"""The printed errors of the course notes on policy gradients and objectives, refused.

As in `notes`: each function builds the step as it was printed. The corrected forms are in
`policy_gradient` and `objective_or_loss`.
"""

from collections.abc import Callable

from sympy import Lambda

from rlhf_lab.derivations.checker.probability import ArgMax, ArgMin, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import N, factors, reference, reward, theta, y, z
from rlhf_lab.derivations.objective_or_loss import OBJECTIVE_AND_LOSS, J
from rlhf_lab.derivations.policy_gradient import SCORE, policy_gradient
from rlhf_lab.derivations.rlhf_objective import TWO_POLICIES


def objective_called_a_loss() -> Derivation:
    """RLHF-11 as printed: the objective is called L; minimised as a loss is, it is refused."""
    best = begin("L is J", ArgMax(J, theta), OBJECTIVE_AND_LOSS)
    return best.same_optimum(
        ArgMin(J, theta), "the notes: L is a loss, so minimise it", through=Lambda(z, -z)
    )


def samples_of_the_reference() -> Derivation:
    """GRPO-1 as printed: the group is drawn from the reference. Refused.

    The mean of reward times score over the reference's responses is not the policy gradient: the
    samples have to come from the policy itself, as it was when it wrote them.
    """
    drawn = Expectation(factors(reward(y), SCORE), reference(y), y, N)
    return policy_gradient().at({}, TWO_POLICIES).rewrite(drawn, "the notes: y from the reference")


REFUSED: dict[str, tuple[Callable[[], Derivation], ...]] = {
    "RLHF-11": (objective_called_a_loss,),
    "GRPO-1": (samples_of_the_reference,),
}
