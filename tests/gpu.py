"""The devices that a test runs on: the processor, and a GPU where there is one."""

import pytest
import torch

NEEDED = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
CUDA = pytest.param(torch.device("cuda"), marks=NEEDED, id="cuda")
DEVICES = [pytest.param(torch.device("cpu"), id="cpu"), CUDA]
