"""The measured weights for engines that read no GGUF: a folder in Hugging Face's layout, in bfloat16."""

from pathlib import Path

from transformers.utils import logging

from inference.weights.open import open_checkpoint
from tests.inference.reference import as_transformers


def write_hf_folder(model: Path, folder: Path) -> Path:
    """The folder, now with weights and shape alone: peers are given token ids. 330 MB for the bundled model."""
    logging.disable_progress_bar()
    as_transformers(open_checkpoint(str(model))).bfloat16().save_pretrained(folder)
    return folder
