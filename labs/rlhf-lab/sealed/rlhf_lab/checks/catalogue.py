"""The exercises by name, and nothing but the names."""


class Names(dict):
    """Every exercise is its own name; the referee knows the rest."""

    def __missing__(self, name):
        return name


exercises = Names()
