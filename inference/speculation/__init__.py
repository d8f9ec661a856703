"""Guessing the next tokens of a reply cheaply, so that the model can check several in one pass.

A proposer hands out token ids and nothing else. The engine computes them beside the last token, chooses each position's
token as it would have without them, and keeps the drafts for as long as they are what it chose. A wrong draft costs
time and never changes a reply. `docs/design/speculation.md` has the whole picture.
"""
