"""What the embedded guard catches, misses and costs: every figure of its model card, measured on the shipped files."""
