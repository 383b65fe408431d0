"""A training step as one CUDA graph: a card waits for nothing, least of all for Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from offline.train.partners import Uniforms

#: (N,) positions of the samples, where partners come from → each loss, and how many samples lacked partners.
Step = Callable[[Tensor, Uniforms], tuple[dict[str, Tensor], dict[str, Tensor]]]
WARM = 3  # steps taken one operation after another before one is recorded: libraries choose their kernels then
MOST = 4  # recorded batch sizes; each keeps the memory of a whole step


class RecordedStep:
    """Takes steps of a card, each size of batch recorded once and played from then on.

    What is played computes what was recorded, with new samples, new partners and new dropout.

    Parameters
    ----------
    step
        Waits for nothing and moves nothing between processor and card.
    generator
        Of the CPU: draws what partners are chosen by.
    n_draws
        How many (N, N) tables of uniform numbers a step takes.
    """

    def __init__(self, step: Step, generator: torch.Generator, n_draws: int, device: torch.device) -> None:
        self._step, self._generator, self._n_draws, self._device = step, generator, n_draws, device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._taken: dict[int, int] = {}
        self._played: dict[int, _Played] = {}

    def __call__(self, index: Tensor, rate: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Train on the samples at `index` (on the CPU) with the learning rate that the optimiser holds."""
        n = len(index)
        uniforms = [torch.rand((n, n), generator=self._generator) for _ in range(self._n_draws)]
        if (n not in self._played and len(self._played) == MOST) or self._taken.get(n, 0) < WARM:
            self._taken[n] = self._taken.get(n, 0) + 1
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                found = self._step(index.to(self._device), iter([each.to(self._device) for each in uniforms]))
            torch.cuda.current_stream().wait_stream(self._stream)
            return found
        played = self._played.get(n)
        if played is None or played.rate != rate:  # the rate is part of what is recorded
            played = self._played[n] = _Played(self._step, n, self._n_draws, rate, self._device)
        return played(index, uniforms)


class _Played:
    """One size of batch at one learning rate."""

    def __init__(self, step: Step, n: int, n_draws: int, rate: float, device: torch.device) -> None:
        self.rate = rate
        self._index = torch.zeros(n, dtype=torch.int64, device=device)
        self._uniforms = [torch.rand((n, n), device=device) for _ in range(n_draws)]
        self._graph = torch.cuda.CUDAGraph()
        draws: Iterator[Tensor] = iter(self._uniforms)
        with torch.cuda.graph(self._graph):
            self._found = step(self._index, draws)

    def __call__(self, index: Tensor, uniforms: list[Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        for into, values in zip((self._index, *self._uniforms), (index, *uniforms), strict=True):
            into.copy_(values.pin_memory(), non_blocking=True)
        self._graph.replay()
        # The next step writes over what this one found.
        terms, without = ({name: value.clone() for name, value in each.items()} for each in self._found)
        return terms, without
