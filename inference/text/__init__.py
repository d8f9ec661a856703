"""Text at the border of the engine: tokenizers, chat formats, and replies decoded piece by piece."""
