"""How the letters and functions of the derivations are written in LaTeX."""

SYMBOLS = {"Z": "Z(x)", "Z_f": "Z_f(x)", "Z_printed": r"\tilde Z(x)", "f": "f(x)"}
SYMBOLS |= {"L_RM": r"L_\text{RM}"}  # reward models
SYMBOLS |= {"theta_old": r"\theta_\text{old}"}  # policy optimisation
SYMBOLS |= {"d_target": r"d_\text{target}", "gap": r"\text{gap}"}
SYMBOLS |= {"advantage": r"\hat A", "size": r"|\hat A|"}
SYMBOLS |= {"variance": "s^2"}  # groups
SYMBOLS |= {"kl": r"\text{KL}", "chi_squared": r"\chi^2", "both_ways": "J"}  # the KL
SYMBOLS |= {"best": "b^*", "average": r"\bar r"}  # baselines
# How a function of so many arguments is written; {power} is where an exponent stands.
FUNCTIONS = {
    ("policy", 1): r"\pi{power}\left({0} \mid x\right)",
    ("policy", 2): r"\pi_{{{1}}}{power}\left({0} \mid x\right)",
    ("reference", 1): r"\pi_\text{{ref}}{power}\left({0} \mid x\right)",
    ("optimal", 1): r"\pi^*\left({0} \mid x\right){power}",
    ("reward", 1): r"r{power}\left(x, {0}\right)",
    ("implicit", 2): r"\hat r_\theta{power}\left(x, {0}\right)",
    ("ranked", 1): r"y_{{{0}}}",
    ("another", 1): r"r'{power}\left(x, {0}\right)",
    ("score", 2): r"r_{{{1}}}{power}\left(x, {0}\right)",
    ("member", 2): r"{1}_{{{0}}}",
    ("without", 2): r"{1} \setminus {1}_{{{0}}}",
    ("total", 2): r"T_{{{0}}}{power}\left({1}\right)",
    ("base", 1): r"p_{{{0}}}{power}",
    ("upto", 1): r"P_{{{0}}}{power}",
    ("level", 1): r"f_{{{0}}}{power}",
    ("area", 1): r"\Phi{power}\left({0}\right)",
    ("odds", 2): r"\ell{power}\left({0} \succ {1}\right)",
    ("margin", 2): r"m_{{{0}}}{power}\left({1}\right)",
    # policy optimisation: action, state, parameter
    ("policy", 3): r"\pi_{{{2}}}{power}\left({0} \mid {1}\right)",
    ("advantage", 2): r"A{power}\left({0}, {1}\right)",
    ("token_reward", 1): r"r_{{{0}}}{power}",
    ("value", 1): r"V_{{{0}}}{power}",
    ("delta", 1): r"\delta_{{{0}}}{power}",
    ("ahead", 1): r"\hat A_t^{{({0})}}{power}",
    ("mixture", 1): r"\bar A_t^{{({0})}}{power}",
    ("weights", 1): r"W_{{{0}}}{power}",
    ("divergence", 1): r"d{power}\left({0}\right)",
    ("visited", 1): r"d_\text{{old}}{power}",
    ("ratio", 1): r"\rho_{{{0}}}{power}",
    ("ratio", 3): r"\rho_{{{2}}}{power}\left({0}, {1}\right)",
    # groups: response, step
    ("rewards", 1): r"r_{{{0}}}{power}",
    ("step_reward", 2): r"r_{{{0},{1}}}{power}",
    ("steps", 1): r"K_{{{0}}}",
    ("from_last", 1): r"\tilde r_{{{0}}}{power}",
    ("token_policy", 3): r"\pi_\theta{power}\left(o_{{{1},{0}}}\right)",
    ("token_old", 2): r"\pi_\text{{old}}{power}\left(o_{{{1},{0}}}\right)",
    ("token_reference", 2): r"\pi_\text{{ref}}{power}\left(o_{{{1},{0}}}\right)",
    ("tokens", 1): r"\lvert o_{{{0}}} \rvert",
    ("response_advantage", 1): r"\hat A_{{{0}}}{power}",
    ("fixed", 1): r"\pi_G{power}\left({0} \mid x\right)",
    ("below", 1): r"\delta{power}\left({0}\right)",
    ("to_come", 1): r"\hat A_{{{0}}}{power}",
    # estimators of the KL
    ("k1", 1): r"k_1{power}\left({0}\right)",
    ("k1", 3): r"k_1{power}\left({0}\right)",
    ("k2", 1): r"k_2{power}\left({0}\right)",
    ("k3", 1): r"k_3{power}\left({0}\right)",
    # prefixes and what follows them, for two policies
    ("p_next", 2): r"p{power}\left({0} \mid {1}\right)",
    ("q_next", 2): r"q{power}\left({0} \mid {1}\right)",
    ("then", 2): r"{0}\,{1}",
    ("whole", 4): r"K_{{{0}}}{power}\left({1}, {2}, {3}\right)",
    ("ratios", 4): r"R_{{{0}}}{power}\left({1}, {2}, {3}\right)",
    ("kls", 4): r"T_{{{0}}}{power}\left({1}, {2}, {3}\right)",
    ("expected", 2): r"D_{{{0}}}{power}\left({1}\right)",
    # responses token by token
    ("token", 3): r"\pi_\theta{power}\left({1}_{{{0}}} \mid x, {1}_{{<{0}}}\right)",
    ("reference_token", 2): r"\pi_\text{{ref}}{power}\left({1}_{{{0}}} \mid x, {1}_{{<{0}}}\right)",
    ("length", 1): r"\lvert {0} \rvert{power}",
    ("after", 2): r"{0} \oplus {1}",
    ("goes_on", 2): r"c{power}\left({0}, {1}\right)",
    ("mass", 3): r"M_{{{0}}}{power}\left({1}\right)",
    ("value", 3): r"V_{{{0}}}{power}\left({1}\right)",
    ("action_value", 4): r"Q_{{{0}}}{power}\left({1}, {2}\right)",
    ("gradient_to_go", 3): r"G_{{{0}}}{power}\left({1}\right)",
    ("with_baseline", 3): r"H_{{{0}}}{power}\left({1}\right)",
    ("baseline", 1): r"b{power}\left({0}\right)",
    ("size", 1): r"\lVert g\left({0}\right) \rVert^2{power}",
    ("reward", 2): r"r{power}\left({0}, {1}\right)",
}
