"""Who scores and what learns, first while a reward model is fitted, then while it is used."""

from matplotlib.axes import Axes

from rlhf_lab.diagrams import flow


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
