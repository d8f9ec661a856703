"""A whole forward pass of a quantised Llama in one native call: C++ sources, their build, and the model on top.

`library.load()` gives the library, or None where it cannot be had; the torch path is used then.
"""
