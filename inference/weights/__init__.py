"""Checkpoints from disk: GGUF files, Hugging Face folders and Meta folders under one name space.

Canonical names (`i` counts layers), all matrices [out, in]:

    embedding                                      [vocab, hidden]
    layers.i.attention_norm  layers.i.mlp_norm     [hidden]
    layers.i.q  .k  .v  .o                         rows of q and k in half-split rope order (see `rope.py`)
    layers.i.gate  .up  .down
    final_norm  head                               `head` is absent where the embedding is tied
"""
