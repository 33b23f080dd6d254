"""Who samples, who scores, what is frozen: the data flow of each algorithm, as a diagram."""

from matplotlib.axes import Axes

from rlhf_lab.diagrams import flow


def alignment_flow() -> Axes:
    """People judge responses of a pretrained model; their feedback trains it further."""
    return flow(
        {
            "pretrained\nmodel": (0.0, 1.0),
            "responses": (1.3, 1.0),
            "people": (2.6, 1.0),
            "feedback": (2.6, 0.0),
            "aligned model\ntrained": (1.3, 0.0),
        },
        arrows=[(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)],
        gradients=[],
    )


def feedback_to_policy_flow() -> Axes:
    """Feedback trains a reward model; the reward model, frozen, trains the policy."""
    return flow(
        {
            "feedback\n$y_w \\succ y_l$": (0.0, 1.0),
            "reward model\ntrained first": (1.15, 1.0),
            "responses\n$y \\sim \\pi_\\theta$": (1.15, 0.0),
            "reward model $r_\\phi$\nfrozen": (2.35, 0.5),
            "policy $\\pi_\\theta$\ntrained second": (3.6, 0.5),
        },
        arrows=[(0, 1), (1, 3), (2, 3), (3, 4)],
        gradients=[],
    )


def reward_model_flow() -> Axes:
    """An explicit reward model: fitted to comparisons (above), then frozen and asked (below)."""
    return flow(
        {
            "comparisons\n$(x, y_w, y_l)$": (0.0, 1.0),
            "reward model $r_\\phi$\ntrained": (1.15, 1.0),
            "rewards\n$r_w,\\ r_l$": (2.2, 1.0),
            "loss\n$-\\log\\,\\sigma(r_w - r_l)$": (3.25, 1.0),
            "policy $\\pi_\\theta$\nwrites $y$": (0.0, 0.0),
            "reward model $r_\\phi$\nfrozen": (1.15, 0.0),
            "reward\n$r_\\phi(x, y)$": (2.2, 0.0),
        },
        arrows=[(0, 1), (1, 2), (2, 3), (4, 5), (5, 6)],
        gradients=[(3, 1)],
    )


def three_stages_flow() -> Axes:
    """RLHF: demonstrations make the SFT model, comparisons the reward model, rewards the policy."""
    return flow(
        {
            "1. people write\ndemonstrations": (0.0, 2.0),
            "language model\nimitates, trained": (0.0, 1.0),
            "SFT model": (0.0, 0.0),
            "2. SFT model samples\n$y_1, y_2$, frozen": (1.55, 2.0),
            "people\ncompare": (1.55, 1.0),
            "reward model\ntrained": (1.55, 0.0),
            "3. policy $\\pi_\\theta$\nsamples $y$, trained": (3.1, 2.0),
            "reward model\nscores, frozen": (3.1, 1.0),
            "PPO": (3.1, 0.0),
        },
        arrows=[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 7), (6, 7), (7, 8)],
        gradients=[(8, 6)],
        height=3.6,
        bend=0.6,
    )


def rlhf_flow() -> Axes:
    """The third stage: the policy samples; three models judge, of which one learns."""
    return flow(
        {
            "prompts\n$x$": (0.0, 1.0),
            "policy $\\pi_\\theta$\nsamples $y$\ntrained": (0.95, 1.0),
            "reward model $r_\\phi$\nfrozen": (2.05, 2.0),
            "reference $\\pi_{ref}$\nfrozen": (2.05, 1.0),
            "value model $V$\ntrained": (2.05, 0.0),
            "reward of\neach token": (3.1, 1.5),
            "advantages": (3.1, 0.5),
            "two losses": (2.3, -0.8),
        },
        arrows=[(0, 1), (1, 2), (1, 3), (1, 4), (2, 5), (3, 5), (5, 6), (4, 6), (6, 7)],
        gradients=[(7, 1), (7, 4)],
        height=3.8,
        bend=-0.3,
    )


def ppo_flow() -> Axes:
    """One step of PPO: the policy that moves is compared with the one that wrote the samples."""
    return flow(
        {
            "responses of\n$\\pi_{old}$, frozen": (0.0, 0.5),
            "advantages $\\hat A_t$\nfrozen": (1.2, 1.0),
            "policy $\\pi_\\theta$\ntrained": (1.05, 0.0),
            "ratio $\\rho_t$": (2.15, 0.0),
            "clipped surrogate\nto be maximised": (3.25, 0.5),
        },
        arrows=[(0, 1), (0, 2), (2, 3), (1, 4), (3, 4)],
        gradients=[(4, 2)],
        bend=-0.42,
    )


def dpo_flow() -> Axes:
    """DPO: comparisons go through a trained and a frozen model into one classification loss."""
    return flow(
        {
            "comparisons\n$(x, y_w, y_l)$": (0.0, 0.5),
            "policy $\\pi_\\theta$\ntrained": (1.0, 1.0),
            "reference $\\pi_{ref}$\nfrozen": (1.0, 0.0),
            "implicit rewards\n$\\beta\\,\\log\\,\\pi_\\theta/\\pi_{ref}$": (2.1, 0.5),
            "loss\n$-\\log\\,\\sigma(\\hat r_w - \\hat r_l)$": (3.25, 0.5),
        },
        arrows=[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)],
        gradients=[(4, 1)],
    )


def grpo_flow() -> Axes:
    """GRPO: the policy answers one prompt G times, and the answers are each other's baseline."""
    return flow(
        {
            "prompt\n$x$": (0.0, 0.0),
            "policy $\\pi_\\theta$\ntrained": (0.7, 1.4),
            "group\n$y_1, \\ldots, y_G$": (1.1, 0.55),
            "rewards\n$r_1, \\ldots, r_G$": (2.15, 0.0),
            "reference $\\pi_{ref}$\nfrozen": (2.15, 0.7),
            "advantages\n$r_i$ - mean": (3.3, 0.0),
            "loss\nclip, k3": (3.2, 1.4),
        },
        arrows=[(0, 1), (1, 2), (2, 3), (2, 4), (3, 5), (5, 6), (4, 6)],
        gradients=[(6, 1)],
        height=3.2,
    )
