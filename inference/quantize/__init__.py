"""Quantised copies of checkpoints: `python -m inference.quantize IN OUT --type q4_1`.

mixture.py     which tensor gets which type
encode.py      floats to blocks, by the `gguf` package or by k_blocks.py
vocabulary.py  a tokenizer as GGUF metadata
write.py       a checkpoint from any loader to a GGUF file, tensor by tensor
quality.py     what it cost: logits and perplexity on a bundled text, against the source
"""
