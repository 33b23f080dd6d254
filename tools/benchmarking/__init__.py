"""What tools/benchmark.py runs: each side in processes of its own."""
