"""Sums over all responses of n tokens, taken token after token, for two policies p and q.

A prefix s is the prompt and the tokens so far; s a is the prefix with the token a behind it. Each
sum starts at a prefix s to which p came with probability u, and holds what was gathered on the
way: K_n(s, u, v) is the sum of P log(P/Q), with P = u Π p and Q = v Π q over what follows s;
R_n(s, u, c) is the sum of P (c + Σ log-ratios), T_n(s, u, c) the sum of P (c + Σ token KLs).
Before the first token u = v = 1 and c = 0, and P and Q are the probabilities of whole responses.

D_n(s) is the KL of the next token, and the mean over that token of what comes after it. A response
that ends early goes on with padding of which p and q are both sure: that adds log 1 = 0. Here every
token has a positive probability, so the padding is a limit, in which 0 log 0 is 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sympy import Eq, Expr, Function, Sum, Symbol, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import KL, Expectation
from rlhf_lab.derivations.checker.recursions import Recursion, Turned
from rlhf_lab.derivations.checker.substitution import substituted
from rlhf_lab.derivations.derivation import Derivation, begin, by_induction
from rlhf_lab.derivations.notation import factors, terms

A, a, s, n = symbols("A a s n", integer=True, positive=True)
u, v = symbols("u v", positive=True)
c = Symbol("c", real=True)
p_next, q_next = Function("p_next", positive=True), Function("q_next", positive=True)
then = Function("then", integer=True, positive=True)
whole, ratios, kls = (Function(name, real=True) for name in ("whole", "ratios", "kls"))
expected = Function("expected", real=True)

TOKENS = Given(
    ranges=((a, 1, A),),
    distributions=(p_next(a, s), q_next(a, s)),
    statement="A prefix s, a vocabulary of A tokens a, and two policies p and q for the next one, "
    "all of positive probability. P = u Π p and Q = v Π q over the n tokens after s. K is the sum "
    "of P log(P/Q) over all that may follow, R that of P (c + log-ratios), T that of P (c + KLs of "
    "the tokens); D is the mean sum of these KLs.",
)
LOG_RATIO = log(p_next(a, s) / q_next(a, s))
TOKEN_KL = KL(p_next(a, s), q_next(a, s), a, A)
REACHED = factors(u, p_next(a, s))


def definition(name: str, left: Expr, right: Expr) -> Recursion:
    """left = right, since that is what the left side stands for."""
    return Recursion(name, Eq(left, right, evaluate=False), TOKENS)


def over_tokens(body: Expr) -> Sum:
    """Σ_a of the body."""
    return Sum(body, (a, 1, A))


LATER = terms(TOKEN_KL, Expectation(expected(n, then(s, a)), p_next(a, s), a, A))
LAST_MEAN = definition("D", expected(1, s), TOKEN_KL)
NEXT_MEAN = definition("D", expected(n + 1, s), LATER)


@dataclass(frozen=True)
class TokenSum:
    """total(n, s, u, letter): a sum over all responses of P times what was gathered.

    gathered: what was gathered before s, in u and the letter.
    after: what one token more makes of the letter.
    """

    name: str
    total: Callable
    letter: Symbol
    gathered: Expr
    after: Expr

    def claim(self, length: Expr | int) -> Eq:
        """total = u gathered + u D_n(s)."""
        value = terms(u * self.gathered, u * expected(length, s))
        return Eq(self.total(length, s, u, self.letter), value, evaluate=False)

    def gathered_after(self) -> Expr:
        """What was gathered with one token more."""
        return substituted(self.gathered, {u: REACHED, self.letter: self.after})

    def base(self) -> Derivation:
        """The claim for one token."""
        start, end = self.claim(1).args
        total = over_tokens(factors(REACHED, self.gathered_after()))
        return (
            begin(f"{self.name}, one token", start, TOKENS)
            .substitute(total, "the definition", by=(definition(self.name, start, total),))
            .rewrite(terms(u * self.gathered, u * TOKEN_KL), "the probabilities of a sum to 1")
            .substitute(end, "the definition of D", by=(Turned(LAST_MEAN),))
        )

    def step(self) -> Derivation:
        """The claim for one token more, if it holds for n."""
        start, end = self.claim(n + 1).args
        total = over_tokens(self.total(n, then(s, a), REACHED, self.after))
        told = terms(self.gathered_after(), expected(n, then(s, a)))
        return (
            begin(f"{self.name}, one token more", start, TOKENS)
            .substitute(
                total,
                "a first token, then n others",
                by=(definition(self.name, start, total),),
            )
            .assume(
                over_tokens(factors(REACHED, told)),
                "the claim for the n others, from the prefix with a behind it",
                statement=self.claim(n),
                for_every=(s, u, self.letter),
            )
            .rewrite(terms(u * self.gathered, u * LATER), "the probabilities of a sum to 1")
            .substitute(end, "the definition of D", by=(Turned(NEXT_MEAN),))
        )

    def theorem(self) -> Derivation:
        """The claim for any number of tokens."""
        name = f"{self.name}, any number of tokens"
        return by_induction(self.claim(n), n, base=self.base(), step=self.step(), name=name)


WHOLE = TokenSum("whole responses", whole, v, log(u / v), factors(v, q_next(a, s)))
RATIOS = TokenSum("log-ratios", ratios, c, c, terms(c, LOG_RATIO))
KLS = TokenSum("token KLs", kls, c, c, terms(c, TOKEN_KL))
