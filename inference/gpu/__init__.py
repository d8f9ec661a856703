"""The same Llama on a CUDA device: paged attention, fused steps, captured decode graphs, sampling without the host.

    pages.py           where the rows of a step stand in the cache, as tensors; the flat int32 buffer they travel in
    kernels/           Triton: attention over pages, the small operations between products, products of a few rows
    attention.py       one function over pages, whatever computes it; the plain one runs anywhere
    fused.py           norm, rope with storing, gate; each in Triton and in plain torch
    linear.py          matrices in bfloat16, int8, float8 and 4 bits
    weights.py         from a checkpoint to those matrices
    graphs.py          captured steps of fixed shape, largest first, one memory pool
    llama.py           CudaLlama, a DecoderModel
    sampling.py        greedy and seeded sampling of many rows, as the CPU chooser does it
    decode_loop.py     steps that read the tokens of the step before on the device (`engine/device_decoding.py` runs it)

Everything but kernels/ is plain torch and is tested on CPU against the CPU engine. docs/design/gpu.md says what was
never run on a GPU.
"""
