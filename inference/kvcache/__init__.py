"""Keys and values of computed tokens: where they lie (storage.py), who holds which block, what can be reused."""
