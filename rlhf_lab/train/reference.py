"""The models beside a policy, which must not move along with it: its reference and its critic."""

from torch import nn

from rlhf_lab.models import frozen_copy, value_model


def reference_of(policy: nn.Module, reference: nn.Module | None) -> nn.Module:
    """The reference given, checked, or else a copy of the policy as it is now."""
    if reference is None:
        return frozen_copy(policy)
    check_reference(policy, reference)
    check_same_vocabulary(policy, reference)
    return reference


def check_reference(policy: nn.Module, reference: nn.Module) -> None:
    """Raise ValueError where a weight that the policy trains is one of the reference's own.

    So it is where both are one model, in two wrappers of one model, and under adapters such as
    LoRA: those are put into the base model itself, which then holds what learns.
    """
    if shared := shared_weights(policy, reference):
        raise ValueError(
            f"the reference shares {shared} parameters that learn with the policy: it would move "
            "along, and every KL to it be 0; give rlhf_lab.models.frozen_copy(policy) instead"
        )


def critic_of(policy: nn.Module, reference: nn.Module, critic: nn.Module | None) -> nn.Module:
    """The critic given, or else a new one on a copy of the policy's trunk.

    Raises ValueError where a weight that it trains is one of the others' own.
    """
    if critic is None:
        return value_model(policy)
    for name, model in {"policy": policy, "reference": reference}.items():
        if shared := shared_weights(critic, model):
            raise ValueError(
                f"the critic shares {shared} parameters that it trains with the {name}, which "
                "would move along; give rlhf_lab.models.value_model(policy), a copy, instead"
            )
    return critic


def shared_weights(learner: nn.Module, other: nn.Module) -> int:
    """How many parameters that the first trains are the other's own."""
    learning = {id(weight) for weight in learner.parameters() if weight.requires_grad}
    return sum(id(weight) in learning for weight in other.parameters())


def check_same_vocabulary(policy: nn.Module, reference: nn.Module) -> None:
    """Raise ValueError where no KL over the whole vocabulary exists: the sizes differ."""
    sizes = [model.config.vocab_size for model in (policy, reference)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"the policy's vocabulary has {sizes[0]} tokens and the reference's {sizes[1]}: there "
            "is no KL between them; bring both to one size with resize_token_embeddings"
        )
