"""How fast this machine reads memory: the roof of every decoder that reads all weights for each token."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

SIZE_BYTES = 256 << 20  # far beyond any cache
NUM_RUNS = 7


def read_bandwidth_gbs(num_threads: int) -> float:
    """Gigabytes read in a second by so many threads together: the median of the sums of one large array each."""
    parts: list[npt.NDArray[np.int64]] = [np.ones(SIZE_BYTES // 8 // num_threads, np.int64) for _ in range(num_threads)]
    speeds = []
    with ThreadPoolExecutor(num_threads) as pool:
        for _ in range(NUM_RUNS):
            began = time.perf_counter()
            list(pool.map(np.max, parts))  # vectorised, and gives up the interpreter lock
            speeds.append(SIZE_BYTES / (time.perf_counter() - began) / 1e9)
    return statistics.median(speeds)
