"""The engine: a Llama in torch behind an OpenAI-compatible address. Knows nothing of people or conversations.

    errors.py, config.py   what can go wrong; the settings
    text/                  tokenizers, chat formats, replies decoded piece by piece
    weights/               checkpoints (GGUF, Hugging Face, Meta) under one name space
    model/                 the decoder: linear layers, rope, attention, keys and values, one flat forward pass
    engine/                requests: sampling, prefix reuse, the step loop and its thread
    server/                HTTP: `python -m inference.server --model PATH`
    encoders/              small models beside the chat model: sentence vectors, the embedded guard
    client.py              the way in from other processes

Read in this order. Importing `inference` or `inference.client` does not import torch.
"""
