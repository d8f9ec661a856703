"""Whether the passages that an answer was given say what its sentences say, and where."""

from assistant.citations.check import check_answer
from assistant.citations.matching import SUPPORTED_FROM, Quoted
from assistant.citations.support import Checked, Support

__all__ = ["SUPPORTED_FROM", "Checked", "Quoted", "Support", "check_answer"]
