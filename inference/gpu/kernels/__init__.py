"""Triton kernels. Import these modules only where `available` says they can run.

They are written for what Triton's interpreter covers as well, so that TRITON_INTERPRET=1 tests them without a GPU.
"""

import importlib.util
import os

import torch


def is_interpreted() -> bool:
    """Whether kernels run on the CPU, one program after the other: for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def why_not(device: str) -> str:
    """Why Triton cannot run on this device; empty if it can."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    if is_interpreted() or (torch.device(device).type == "cuda" and torch.cuda.is_available()):
        return ""
    return f"triton needs a CUDA device, and this is {device}"


def available(device: str) -> bool:
    """Whether the kernels of this package run on this device."""
    return not why_not(device)
