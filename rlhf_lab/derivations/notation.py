"""The letters of the book's derivations: one prompt x, its responses y = 1..N, any number N."""

from sympy import Add, Eq, Expr, Function, Mul, Pow, Sum, Symbol, exp, log, symbols

from rlhf_lab.derivations.checker.given import Given

N = Symbol("N", integer=True, positive=True)
y, y_w, y_l = symbols("y y_w y_l", integer=True, positive=True)
beta = Symbol("beta", positive=True)
Z = Symbol("Z", positive=True)
t = Symbol("t", positive=True)
z = Symbol("z", real=True)
theta = Symbol("theta", real=True)

policy = Function("policy", positive=True)
reference = Function("reference", positive=True)
optimal = Function("optimal", positive=True)
reward = Function("reward", real=True)
implicit = Function("implicit", real=True)


def terms(*parts: Expr | int) -> Add:
    """A sum that stays as it is written, in this order."""
    return Add(*parts, evaluate=False)


def factors(*parts: Expr | int) -> Mul:
    """A product that stays as it is written, in this order."""
    return Mul(*parts, evaluate=False)


def over(numerator: Expr | int, denominator: Expr) -> Mul:
    """A fraction that stays as it is written."""
    return factors(numerator, Pow(denominator, -1, evaluate=False))


RESPONSES = ((y, 1, N), (y_w, 1, N), (y_l, 1, N))
PARTITION = Eq(Z, Sum(reference(y) * exp(reward(y) / beta), (y, 1, N)), evaluate=False)
TILTED = factors(1 / Z, reference(y), exp(reward(y) / beta))
IMPLICIT = Eq(implicit(y, theta), beta * log(policy(y, theta) / reference(y)), evaluate=False)
OPTIMAL = Eq(optimal(y), TILTED, evaluate=False)

ONE_PROMPT = Given(
    ranges=RESPONSES,
    definitions=(PARTITION, OPTIMAL),
    distributions=(policy(y), reference(y)),
    statement="One prompt x with responses y = 1 to N, any N. The objective is a mean over "
    "prompts, and the policy may be chosen for each prompt apart: what is best for each prompt is "
    "best for the mean. Softmax policies give every response a positive probability.",
)

ONE_PAIR = Given(
    ranges=RESPONSES,
    definitions=(PARTITION, OPTIMAL, IMPLICIT),
    distributions=(policy(y, theta), reference(y)),
    statement="One pair: a prompt x, its chosen response y_w, its rejected one y_l; the loss is "
    "the mean over pairs. θ is any one parameter of the policy; the gradient lists all of them.",
)
