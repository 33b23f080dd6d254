"""How the letters and functions of the derivations are written in LaTeX."""

SYMBOLS = {"Z": "Z(x)", "Z_f": "Z_f(x)", "Z_printed": r"\tilde Z(x)", "f": "f(x)"}
# How a function of so many arguments is written; {power} is where an exponent stands.
FUNCTIONS = {
    ("policy", 1): r"\pi{power}\left({0} \mid x\right)",
    ("policy", 2): r"\pi_\theta{power}\left({0} \mid x\right)",
    ("reference", 1): r"\pi_\text{{ref}}{power}\left({0} \mid x\right)",
    ("optimal", 1): r"\pi^*\left({0} \mid x\right){power}",
    ("reward", 1): r"r{power}\left(x, {0}\right)",
    ("implicit", 2): r"\hat r_\theta{power}\left(x, {0}\right)",
    ("ranked", 1): r"y_{{{0}}}",
    ("margin", 2): r"m_{{{0}}}{power}\left({1}\right)",
}
