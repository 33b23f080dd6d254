"""Every altered line is refused, except where the alteration changes nothing.

Six kinds of alteration of every part of every line: sign, factor, exponent, dropped part, swapped
letters or functions, swapped arguments of a KL. What is accepted is listed with the reason.
"""


from rlhf_lab.derivations import bradley_terry, notes
from rlhf_lab.derivations.claims import CLAIMS

DERIVATIONS = dict.fromkeys(make for makers in CLAIMS.values() for make in makers)
DERIVATIONS = [*DERIVATIONS, bradley_terry.orders_sum_to_one, notes.doubled_beta]
