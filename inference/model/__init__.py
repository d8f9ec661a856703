"""The Llama decoder in torch: linear layers, rope, attention over cached keys and values, one flat forward pass."""
