"""Requests in, tokens out: sampling, prefix reuse, the step that advances all sequences, the thread that runs it."""
