"""People in processes: benches that take each virtual person by itself."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Found = TypeVar("Found")


def over_people(work: Callable[[int], Found], seeds: Iterable[int]) -> Iterator[Found]:
    """What `work` finds of each seed, in order, as many at once as there are cores; it must be picklable."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a core each
    context = multiprocessing.get_context("spawn")  # what was loaded here may hold threads
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        yield from pool.map(work, seeds)
