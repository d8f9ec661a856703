"""What Code Shield finds, what it finds wrongly, and what it costs: `python -m benchmarks.code_shield`."""
