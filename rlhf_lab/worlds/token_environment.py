"""Writing as a decision process: the state is the text so far, an action is the next token.

What a training loop does to a whole batch at once, one token at a time and with every field in the
open. The moves are certain: the next state is the state and the token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rlhf_lab.responses import pad
from rlhf_lab.rewards.functions import Reward
from rlhf_lab.settings import require_count
from rlhf_lab.token_rows import check_rows


@dataclass(frozen=True)
class TokenStep:
    """One token: the state it was written in, the state it made, and what came back."""

    state: tuple[int, ...]
    action: int
    next_state: tuple[int, ...]
    reward: float
    """0 until the response ends; then the reward of the whole response"""
    terminated: bool
    """the agent wrote the end token"""
    truncated: bool
    """the response was cut at its greatest length"""


class TokenEnvironment:
    """Gives a prompt, takes tokens, and at the end has the response judged by `reward`.

    Raises ValueError unless every prompt is a row of token ids below `vocabulary`, one at least.
    """

    def __init__(
        self,
        prompts: Sequence[Sequence[int]],
        reward: Reward,
        *,
        vocabulary: int,
        end_token: int,
        max_tokens: int,
    ):
        require_count(vocabulary=vocabulary, max_tokens=max_tokens)
        if not 0 <= end_token < vocabulary:
            raise ValueError(f"end_token must lie in 0..{vocabulary - 1}, got {end_token}")
        check_rows("prompts", prompts)
        for number, prompt in enumerate(prompts):
            if not all(0 <= token < vocabulary for token in prompt):
                raise ValueError(
                    f"prompts: token ids must lie in 0..{vocabulary - 1}, row {number} has "
                    f"{min(prompt)}..{max(prompt)}"
                )
        self.prompts, self.reward = prompts, reward
        self.vocabulary, self.end_token, self.max_tokens = vocabulary, end_token, max_tokens
        self._prompt: tuple[int, ...] | None = None
        self._written: list[int] = []

    def reset(self, number: int) -> tuple[int, ...]:
        """Begin an episode with prompt `number`; returns the first state, the prompt."""
        self._prompt, self._written = tuple(self.prompts[number]), []
        return self._prompt

    def step(self, action: int) -> TokenStep:
        """s' = s with the token behind it; r = 0, and at the last token the response's reward.

        Raises RuntimeError where no episode is going on, ValueError for an unknown token.
        """
        if self._prompt is None:
            raise RuntimeError("no episode is going on: call reset() first")
        if not 0 <= action < self.vocabulary:
            raise ValueError(f"a token must lie in 0..{self.vocabulary - 1}, got {action}")
        state = (*self._prompt, *self._written)
        self._written.append(action)
        terminated = action == self.end_token
        truncated = not terminated and len(self._written) == self.max_tokens
        reward = 0.0
        if terminated or truncated:
            reward = self.reward(pad([self._prompt], [self._written])).item()
            self._prompt = None
        return TokenStep(state, action, (*state, action), reward, terminated, truncated)
