"""Join pieces of signal into one continuous stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float32


def in_blocks(pieces: Iterable[Float32], block_samples: int) -> Iterator[Float32]:
    """The same samples in blocks of `block_samples` (the last may be shorter)."""
    if block_samples < 1:
        raise ValueError(f"block_samples must be at least 1; got {block_samples}")
    kept: list[Float32] = []
    length = 0
    for piece in pieces:
        kept.append(piece)
        length += len(piece)
        if length < block_samples:
            continue
        whole = np.concatenate(kept)
        full = length - length % block_samples
        for start in range(0, full, block_samples):
            yield whole[start : start + block_samples]
        kept, length = [whole[full:]], length - full
    if length:
        yield np.concatenate(kept)


def make_filler(
    n_samples: int,
    after: Float32,
    head_samples: int,
    fade_samples: int,
    *,
    quiet: Float32 | None = None,
    before: Float32 | None = None,
) -> Float32:
    """A stretch that leads from the end of one trial to the start of the next.

    Parameters
    ----------
    n_samples
        Its length.
    after
        The trial that follows, shape (n, n_channels), µV.
    head_samples
        How much of a trial's beginning is quiet.
    fade_samples
        Length of a cross-fade.
    quiet
        Rest borrowed from elsewhere, shape (m, n_channels); the head of `after` itself where not given.
    before
        The trial that ends here, if any.

    Returns
    -------
    ndarray, shape (n_samples, n_channels)
        Float32. Missing values of the heads are bridged; a channel stays NaN only where its whole head is.
    """
    own = _bridged(after[:head_samples])
    backwards = np.arange(n_samples, 0, -1)  # distance to the trial's first sample
    leading_in = own[_mirror(backwards, len(own))]
    fade = min(fade_samples, n_samples)
    if quiet is None:
        filler = leading_in
    else:
        quiet = _bridged(quiet)
        filler = quiet[_mirror(np.arange(n_samples), len(quiet))]
        filler[n_samples - fade :] = _cross_fade(filler[n_samples - fade :], leading_in[n_samples - fade :])
    if before is not None:
        # The end of the trial before, mirrored at its last sample, dies away under the filler.
        tail = _bridged(before[-(fade + 1) :])
        dying = tail[len(tail) - 1 - _mirror(np.arange(1, fade + 1), len(tail))]
        filler[:fade] = _cross_fade(dying, filler[:fade])
    return filler


def _mirror(distance: npt.NDArray[np.int_], length: int) -> npt.NDArray[np.int_]:
    """Row of a stretch of `length` samples that is played forwards and backwards for ever."""
    if length == 1:
        return np.zeros_like(distance)
    return length - 1 - np.abs(distance % (2 * (length - 1)) - (length - 1))


def _cross_fade(leaving: Float32, coming: Float32) -> Float32:
    """From one to the other along a raised cosine; where one is missing, the other alone."""
    weight = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, len(leaving) + 1) / (len(leaving) + 1)))[:, None]
    mixed = ((1 - weight) * leaving + weight * coming).astype(np.float32)
    mixed = np.where(np.isnan(leaving), coming, mixed)
    return np.where(np.isnan(coming), leaving, mixed)


def _bridged(samples: Float32) -> Float32:
    """`samples` with missing values replaced along a straight line; a channel without any value stays missing."""
    gaps = np.isnan(samples)
    if not gaps.any():
        return samples
    samples = samples.copy()
    rows = np.arange(len(samples))
    for channel in np.flatnonzero(gaps.any(axis=0) & ~gaps.all(axis=0)):
        bad = gaps[:, channel]
        samples[bad, channel] = np.interp(rows[bad], rows[~bad], samples[~bad, channel])
    return samples
