"""How fast the GPU path is, as a share of what the device can do. `make bench-gpu`, or `python -m benchmarks.gpu`."""
