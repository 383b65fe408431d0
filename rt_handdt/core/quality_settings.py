"""When electrodes and signals are called bad: physical amplitudes, and comparisons."""

from __future__ import annotations

from pydantic import Field

from rt_handdt.config import Settings


class QualitySettings(Settings):
    """When electrodes and signals are called bad.

    Attributes
    ----------
    most_bad
        With more than this share of electrodes bad, windows are not decided.
    loud_uv
        RMS that three quarters of the electrodes exceed in a window that must look like EMG. Amplifiers and skin alone
        stay below.
    electrode_uv
        The same of a single electrode.
    hum_uv
        RMS from which mains alone makes an electrode bad; below, it must also exceed its neighbours.
    impossible_uv
        RMS that no surface EMG reaches.
    flat_uv, dead_uv
        RMS that no connected electrode falls below, and below which it must not be far quieter than the others.
    rail_share, rail_uv
        Share of samples held at the largest and smallest value of a signal that spans more than so much: a rail.
    mains
        Correlation with the signal one period of the mains ago, from which it is mains (EMG of 250 ms: below .5).
    white
        Mean squared frequency over that of white noise after the same filters, from which it is noise (EMG: below .7).
    alone
        Correlation with its best neighbour below which a loud electrode is unplugged, and median correlation below
        which the loud electrodes of a dense grid hear no muscle.
    together
        Median correlation of best neighbours from which the former can be judged.
    common
        Share of power that all electrodes have in common, from which it is no EMG.
    ratio
        RMS over that of the neighbours, or of all, from which an electrode that differs in kind is noisy.
    fits, shares
        RMS over that of the neighbours below which, and share of the usual correlation with the best neighbour from
        which, a loud electrode that was noisy looks good again (off dense grids: share of `white` below which).
    outlier
        The same for any electrode of a dense grid; off one, for an electrode that differs in kind.
    jump, jump_few
        A step on all electrodes is one that exceeds the usual by e to the power of `jump` + `jump_few` / √electrodes.
    repeated_share
        Share of a window that came before.
    in_s, out_s
        How long an electrode must look bad, or good again, before it is called so (flat and saturated ones: at once).
    hold_s
        How long a whole signal must look like EMG again.
    """

    most_bad: float = Field(0.3, gt=0, le=1)
    loud_uv: float = Field(15.0, gt=0)
    electrode_uv: float = Field(20.0, gt=0)
    hum_uv: float = Field(60.0, gt=0)
    impossible_uv: float = Field(5000.0, gt=0)
    flat_uv: float = Field(0.05, ge=0)
    dead_uv: float = Field(1.5, ge=0)
    rail_share: float = Field(0.1, gt=0, le=1)
    rail_uv: float = Field(300.0, gt=0)
    mains: float = Field(0.7, gt=0, le=1)
    white: float = Field(0.8, gt=0)
    alone: float = Field(0.15, ge=0, lt=1)
    together: float = Field(0.6, gt=0, le=1)
    common: float = Field(0.9, gt=0, le=1)
    ratio: float = Field(3.0, gt=1)
    fits: float = Field(2.0, gt=1)
    shares: float = Field(0.75, gt=0, le=1)
    outlier: float = Field(8.0, gt=1)
    jump: float = Field(2.3, gt=0)
    jump_few: float = Field(1.0, ge=0)
    repeated_share: float = Field(0.1, gt=0, le=1)
    in_s: float = Field(0.1, ge=0)
    out_s: float = Field(1.0, ge=0)
    hold_s: float = Field(0.1, ge=0)
