"""Freed memory stays with the process: counted in pages that the system has to give again."""

import platform
import subprocess
import sys

import pytest

from rlhf_lab import memory

MEGABYTES = 64
FAULTS = f"""
import ctypes, resource
import torch
from rlhf_lab.memory import keep_freed_memory

torch.set_num_threads(1)
if {{keep}}:
    assert keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(40):  # small objects settle in what is freed first
    before = faults()
    x = torch.ones({MEGABYTES} * 2**18)
    assert x.sum() == len(x)
    del x
print(faults() - before)
"""


def faults_of_the_last_array(*, keep: bool) -> int:
    """Page faults of the fortieth array of 64 MB, in a process of its own."""
    code = FAULTS.format(keep=keep)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_an_array_of_a_freed_ones_size_costs_no_page():
    pages = MEGABYTES * 2**20 // 4096
    assert faults_of_the_last_array(keep=True) < pages / 100
    assert faults_of_the_last_array(keep=False) > pages / 100


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(memory.ctypes, "CDLL", None)
    assert memory.keep_freed_memory() is False
