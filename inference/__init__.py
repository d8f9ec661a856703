"""The engine: a Llama behind an OpenAI-compatible address. Knows nothing of people or conversations.

    errors.py, config.py   what can go wrong; the settings
    text/                  tokenizers, chat formats and tools, replies decoded piece by piece
    weights/               checkpoints (GGUF, Hugging Face, Meta) under one name space
    kvcache/               keys and values in blocks: where they lie, who holds them, what can be found again
    model/                 the decoder in torch: linear layers, rope, attention, one flat forward pass
    kernels/               the same pass for quantised weights as one C++ call
    gpu/                   the same pass on a GPU: paged attention, captured steps, sampling on the device
    parallel/              the same pass over several processes
    sampling/              choosing tokens: penalties, grammars, truncation, noise as a function
    speculation/           guessing tokens ahead: look-ups, a draft model, EAGLE-3; how many guesses pay
    scheduler/             which tokens are computed next, and whose turn it is
    engine/                the step that joins all of these, and the thread that runs it
    server/                HTTP: `python -m inference serve MODEL`
    quantize/, inspection/, cli/   smaller checkpoints; what is in one and how fast it can be; the command line
    encoders/              small models beside the chat model: sentence vectors, the embedded guard
    client.py              the way in from other processes

Read in this order. Importing `inference` or `inference.client` does not import torch.
docs/design/ explains prefix reuse, scheduling, speculation and the quantised kernels with worked examples.
"""
