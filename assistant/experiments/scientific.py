"""The parts of SciPy that the statistics use, imported when they are first used.

They take a second, as long as everything else a web process or a worker imports, and most processes never calculate.
"""

import importlib
from typing import Any


class _Lazily:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


fft = _Lazily("scipy.fft")
optimize = _Lazily("scipy.optimize")
special = _Lazily("scipy.special")
stats = _Lazily("scipy.stats")
