"""A checkpoint in the reference implementation, for tests and for the benchmark."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from inference.weights.checkpoint import Checkpoint
from inference.weights.hf_weights import LAYER_NAMES as HF_LAYER_NAMES


def as_transformers(checkpoint: Checkpoint) -> LlamaForCausalLM:
    """The same dequantised weights in the reference implementation."""
    shape = checkpoint.shape
    config = LlamaConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.mlp_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_kv_heads,
        max_position_embeddings=shape.context_length,
        rms_norm_eps=shape.norm_eps,
        rope_parameters={"rope_theta": shape.rope.theta, "rope_type": "default"},
        tie_word_embeddings=True,
    )
    theirs = {canonical: name for name, canonical in HF_LAYER_NAMES.items()}
    state = {"model.norm.weight": checkpoint.weights.tensor("final_norm")}
    state["model.embed_tokens.weight"] = state["lm_head.weight"] = checkpoint.weights.tensor("embedding")
    for name in checkpoint.weights.shapes():
        if name.startswith("layers."):
            _, number, part = name.split(".")
            state[f"model.layers.{number}.{theirs[part]}.weight"] = checkpoint.weights.tensor(name)
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    model.load_state_dict(state, assign=True)
    # Buffers are not part of the state; built on the meta device they hold nothing yet.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    return model.eval()
