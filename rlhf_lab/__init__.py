"""Reinforcement learning for language models, small enough to read."""

__version__ = "0.1.0"
