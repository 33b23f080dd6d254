"""Who samples, who scores, what is frozen in GRPO."""

from matplotlib.axes import Axes

from rlhf_lab.diagrams import flow


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
