"""Markdown to safe HTML, block by block while the text still grows."""

from assistant.rendering.blocks import BlockSplitter
from assistant.rendering.markdown import RENDERER_VERSION, render, render_block, render_tail

__all__ = ["RENDERER_VERSION", "BlockSplitter", "render", "render_block", "render_tail"]
