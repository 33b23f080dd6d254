"""Every test computes on one thread: for models this small two are several times slower."""

import torch

torch.set_num_threads(1)
