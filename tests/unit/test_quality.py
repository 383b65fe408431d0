"""Which electrodes are bad, and what is no EMG: found in every layout, whatever the cuts; and clean EMG left alone."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest

from rt_handdt.core import quality_kernels, quality_rules, quality_window
from rt_handdt.core.interpolation import Interpolator
from rt_handdt.core.layout import ArrayBlock, ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.quality import QualitySettings, SignalQuality
from rt_handdt.core.quality_sums import neighbour_pairs
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import FeatureFrame
from rt_handdt.sim.session import virtual_recording
from tests.support.signal_faults import SINGLE, WHOLE

GRID = ElectrodeLayout.grid(8, 8)
RING = ElectrodeLayout.parse({**ElectrodeLayout.grid(1, 10, pitch_mm=25.0).model_dump(), "closed": True}, what="ring")
RATES = {"grid": (GRID, 2048.0, 500.0, 1 / 64), "ring": (RING, 1000.0, 450.0, 0.016)}
HOP_S = 1 / 64


def spec_of(name: str) -> PipelineSpec:
    layout, fs_hz, high, hop_s = RATES[name]
    return PipelineSpec.parse(
        {
            "fs_hz": fs_hz,
            "layout": layout,
            "band_hz": (20.0, high),
            "window_s": 16 * hop_s,
            "hop_s": hop_s,
            "features": ("rms", "wl"),
        },
        what="test",
    )


@pytest.fixture(scope="module", params=["grid", "ring"])
def clean(request: pytest.FixtureRequest) -> tuple[PipelineSpec, np.ndarray]:
    """A virtual subject: 2 s of rest, then 6 s with a gesture."""
    spec = spec_of(request.param)
    recording = virtual_recording(1001, 1, 1, layout=spec.layout, fs_hz=spec.fs_hz, gestures=("hand_close",))
    samples = np.concatenate(list(recording.blocks(4096)))[: round(8 * spec.fs_hz)]
    return spec, samples.astype(np.float64)


def run(
    spec: PipelineSpec, samples: np.ndarray, quality: QualitySettings | None = QualitySettings(), piece: int = 512
) -> tuple[list[FeatureFrame], SignalQuality | None]:
    preprocessor, frames = Preprocessor(spec, quality), []
    for at in range(0, len(samples), piece):
        frames += preprocessor.push(samples[at : at + piece])
    return frames, preprocessor.quality


def test_clean_emg_passes_unchanged(clean: tuple[PipelineSpec, np.ndarray]) -> None:
    spec, samples = clean
    frames, quality = run(spec, samples)
    plain, none = run(spec, samples, None)
    assert none is None
    assert quality is not None
    assert [frame.fault for frame in frames] == [None] * len(plain)
    good = [k for k, frame in enumerate(frames) if frame.bad is not None and not frame.bad.any()]
    assert len(good) > 0.9 * len(plain)
    assert all(frames[k].maps.tobytes() == plain[k].maps.tobytes() for k in good)


#: A notch takes 50 Hz out, quiet noise may be an amplifier's, and between two steps there is rest (see below).
PASSES = {"1 mV of 50 Hz", "noise, 20 µV", "steps of 0.2 mV", "steps of 5 mV"}


@pytest.mark.parametrize("name", sorted(set(WHOLE) - PASSES))
def test_what_is_no_emg_is_not_decided(clean: tuple[PipelineSpec, np.ndarray], name: str) -> None:
    spec, samples = clean
    if "noise of EMG's band, 100" in name and spec.layout is RING:
        pytest.skip("EMG of electrodes 25 mm apart may be just that")
    second = round(spec.fs_hz)
    # A block that comes again was EMG when it came first; half an array is missed when muscles work.
    length = round(1.2 * second) if "block" in name else 0
    begin = 5 * second if "block" in name or name == "half flat" else second
    faulty = WHOLE[name](samples[begin:][: 3 * second], spec.fs_hz, np.random.default_rng(0))
    frames, _ = run(spec, np.concatenate([samples[:begin], faulty]))
    during = [frame for frame in frames if frame.index >= begin + length]
    if length:  # what is quiet is rest, even if it comes again
        during = [frame for frame in during if frame.rms_uv.max() > 20.0]
        assert len(during) > 10
    refused = [frame.fault.code for frame in during if frame.fault is not None]
    assert len(refused) >= 0.95 * len(during), (name, len(refused), len(during))


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_bad_electrodes_are_found_and_interpolated(clean: tuple[PipelineSpec, np.ndarray], name: str) -> None:
    spec, samples = clean
    if spec.layout is RING and name in ("noise × 20", "open input", "switched off", "gain × 20"):
        pytest.skip("between electrodes 25 mm apart, levels and signals differ like that")
    who = [5] if spec.layout is RING else [9, 20, 38, 41]
    broken = samples.copy()
    broken[:, who] = SINGLE[name](samples[:, who], spec.fs_hz, np.random.default_rng(1))
    frames, quality = run(spec, broken)
    assert quality is not None
    late = [frame for frame in frames if frame.index > 3 * spec.fs_hz]
    assert not any(frame.fault for frame in late)
    if name == "1 mV of 50 Hz":  # which the notch takes out
        return
    found = np.mean([frame.bad for frame in late], axis=0)
    assert (found[who] > 0.9).all(), found[who]
    assert np.delete(found, who).max() < 0.2
    assert all(quality.kinds[k] for k in who)
    last, others = late[-1], Interpolator(spec.layout)
    assert last.bad is not None
    rms = last.maps[0][tuple(np.asarray(spec.layout.cells).T)]
    np.testing.assert_allclose(others.fill(rms, last.bad), rms, rtol=1e-5)
    np.testing.assert_allclose(last.rms_uv, rms, rtol=1e-5)


def test_an_electrode_comes_back_after_a_second(clean: tuple[PipelineSpec, np.ndarray]) -> None:
    spec, samples = clean
    second = round(spec.fs_hz)
    broken = samples.copy()
    broken[second : 2 * second, 3] = broken[second, 3]
    frames, _ = run(spec, broken)
    bad = np.array([frame.bad is not None and bool(frame.bad[3]) for frame in frames])
    index = np.array([frame.index for frame in frames])
    assert not bad[index < second].any()
    assert bad[(index > 1.5 * second) & (index < 2.9 * second)].all()
    assert not bad[index > 3.5 * second].any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e30, 2e7])
def test_filters_recover_from_anything_within_a_window(clean: tuple[PipelineSpec, np.ndarray], value: float) -> None:
    spec, samples = clean
    at = round(2 * spec.fs_hz)
    held, spoilt = samples.copy(), samples.copy()
    held[at : at + 3] = held[at - 1]
    spoilt[at : at + 3] = value
    preprocessor = Preprocessor(spec)
    frames = preprocessor.push(spoilt)
    wanted, _ = run(spec, held)
    assert preprocessor.missing_values == 3 * spec.layout.n_channels
    assert all(np.isfinite(frame.maps).all() for frame in frames)
    for got, want in zip(frames, wanted, strict=True):
        assert got.maps.tobytes() == want.maps.tobytes()


def test_steps_of_electrodes_within_range_are_gone_after_a_window(clean: tuple[PipelineSpec, np.ndarray]) -> None:
    spec, samples = clean
    at = round(1.5 * spec.fs_hz)
    stepped = samples.copy()
    stepped[at:] += 1e3
    frames, _ = run(spec, stepped)
    codes = {frame.index: frame.fault.code for frame in frames if frame.fault is not None}
    assert set(codes.values()) <= {"step", "no_emg"}
    # A frame carries the quality of the window before it.
    told = at + spec.hop_samples
    holding = [f.index for f in frames if told <= f.index - 2 and f.index < at + spec.window_samples - 2]
    assert set(holding) <= set(codes)
    assert min(codes) >= at
    assert max(codes) < at + 1.8 * spec.window_samples


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    "name", ["clean", "half flat", "1 mV of 50.5 Hz", "block of 0.25 s repeated", "garbage up to 10^9 µV"]
)
def test_no_cut_and_no_loop_changes_a_bit(clean: tuple[PipelineSpec, np.ndarray], name: str, plain: bool) -> None:
    spec, samples = clean
    samples = samples[: round(3.5 * spec.fs_hz)].copy()
    if name != "clean":
        begin = round(spec.fs_hz)
        samples[begin:] = WHOLE[name](samples[begin:], spec.fs_hz, np.random.default_rng(2))
    whole = Preprocessor(spec)
    frames = whole.push(samples)
    with ExitStack() as stack:
        if plain:
            for module in (quality_kernels, quality_window, quality_rules):
                stack.enter_context(mock.patch.object(module, "compiled", return_value=None))
        pieces, parts = Preprocessor(spec), []
    rng = np.random.default_rng(3)
    cuts = sorted({0, len(samples), *rng.integers(0, len(samples), 60).tolist()})
    for start, stop in pairwise(cuts):
        parts += pieces.push(samples[start:stop])
    assert len(parts) == len(frames)
    for one, other in zip(frames, parts, strict=True):
        assert one.maps.tobytes() == other.maps.tobytes()
        assert one.fault == other.fault
        assert one.bad is not None
        assert other.bad is not None
        assert one.bad.tobytes() == other.bad.tobytes()


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (1, 12), (8, 8), (5, 13)])
def test_compiled_rules_come_to_the_same_verdicts(shape: tuple[int, int]) -> None:
    """Of windows made up at random around every limit: bit for bit, what is remembered as well."""
    gather, judge = quality_window.compiled(), quality_rules.compiled()
    if gather is None or judge is None:
        pytest.skip("numba is not installed")
    layout, rng = ElectrodeLayout.grid(*shape), np.random.default_rng(shape)
    pairs, n, settings = neighbour_pairs(layout), layout.n_channels, QualitySettings()
    one, other = pairs[:, 0].copy(), pairs[:, 1].copy()
    ring = np.full((n, 8), -1)
    for k, row in enumerate(layout.neighbours):
        ring[k, : len(row)] = row
    states = [(np.zeros(n, bool), np.zeros(n, np.intp), np.zeros((2, n), np.intp)) for _ in range(2)]
    seen, told = set(), set()
    for _ in range(600):
        groups, blocks = int(rng.integers(1, 3)), int(rng.integers(1, 6))
        limits = quality_rules.limits(settings, electrodes=n, samples=8 * blocks, window=32 * blocks, hop_s=0.05)
        level = rng.choice([0.01, 1.0, 10.0, 40.0, 400.0, 1e4]) * np.exp(rng.normal(0, rng.choice([0.1, 1.0]), n))
        power = 8 * level**2 * rng.uniform(0.5, 1.5, (blocks, n))
        together = rng.choice([0.1, 0.5, 0.9])
        sums = np.concatenate(
            [
                power,
                power * rng.uniform(0.0, rng.choice([0.5, 1.2]), n),
                power * rng.uniform(0.0, 2.0, n) * rng.choice([0.2, 1.0]),
                power * rng.uniform(0.0, 2.0, n),
                rng.integers(0, 33, (blocks, n)) * (rng.random(n) < rng.choice([0.0, 0.1, 1.0])),
                np.sqrt(power[:, one] * power[:, other]) * rng.uniform(together - 0.5, together, (blocks, len(one))),
                (power.sum(axis=1) * rng.uniform(0, 1.2))[:, None] / n,
                rng.integers(0, 33, (blocks, groups)) * (rng.random() < 0.1),
            ],
            axis=1,
        )
        extremes = rng.integers(0, 3, (blocks, 2, n)) * rng.choice([0.0, 50.0, 500.0], n)
        held = rng.integers(0, 3, (blocks, 2, n)).astype(float)
        rows = sums, extremes, held, rng.uniform(0, rng.choice([1.0, 6.0]), (blocks, 2))
        moment = int(rng.integers(1, blocks + 1))
        group = np.arange(n, dtype=np.intp) % groups
        results = []
        for way, (join, verdict) in enumerate(((quality_window.gather, quality_rules.judge), (gather, judge))):
            facts, alike, rest = np.zeros((quality_window.FACTS, n)), np.zeros(len(one)), np.zeros(2 + groups)
            join(*rows, one, other, 8 * blocks, 0.6, moment, facts, alike, rest)
            facts[quality_window.LOGS] = np.log(facts[quality_window.LEVEL] + quality_window.TINY)
            tables = ring, one, other, group, len(pairs) >= 32
            whole = verdict(facts, alike, rest[1], rest[0], rest[2:], *tables, limits, *states[way])
            results.append((whole, *(part.tobytes() for part in (facts, alike, rest, *states[way]))))
        assert results[0] == results[1]
        told.add(results[0][0])
        seen |= set(states[0][1][states[0][0]].tolist())
    assert len(told) > 4, told  # it was a test of them
    assert len(seen) > 3, seen


def test_few_electrodes_are_judged_by_themselves() -> None:
    spec = PipelineSpec.parse(
        {
            "fs_hz": 1000.0,
            "layout": ElectrodeLayout.grid(1, 2),
            "band_hz": (20.0, 450.0),
            "window_s": 0.256,
            "hop_s": 0.016,
        },
        what="test",
    )
    rng = np.random.default_rng(0)
    loud = WHOLE["noise of EMG's band, 100 µV"](np.zeros((3000, 2)), 1000.0, rng)
    loud[:, 1] *= 10
    assert not any(frame.fault or (frame.bad is not None and frame.bad.any()) for frame in run(spec, loud)[0])
    loud[1000:, 0] = 7.0
    last, quality = run(spec, loud)
    assert quality is not None
    assert quality.kinds == ("flat", None)
    assert quality.share_bad == 0.5
    assert last[-1].fault is not None
    assert last[-1].fault.code == "too_many_bad"
    assert "1 of 2 electrodes are bad (1 flat)" in last[-1].fault.sentence


def test_interpolation_stays_on_the_side_of_a_gap() -> None:
    data = ElectrodeLayout.grid(4, 8).model_dump()
    arrays = tuple(
        ArrayBlock(name=f"{side}{end}", rows=(2 * end, 2 * end + 1), columns=(4 * k, 4 * k + 3))
        for k, side in enumerate("ab")
        for end in (0, 1)
    )
    apart = ElectrodeLayout.parse({**data, "arrays": [one.model_dump() for one in arrays]}, what="test")
    sides = [["a0", "a1"], ["b0", "b1"]]
    touching = ElectrodeLayout.parse(
        {**data, "arrays": [one.model_dump() for one in arrays], "touching": sides}, what="test"
    )
    assert set(apart.neighbours[8 + 3]) == {2, 3, 10}
    assert set(touching.neighbours[8 + 3]) == {2, 3, 10, 18, 19}
    values = np.arange(32.0)
    bad = np.zeros(32, dtype=bool)
    bad[[11, 2, 3, 10]] = True
    assert Interpolator(apart).fill(values, bad)[11] == np.mean([1, 9])  # the next ring of its own array
    bad[[0, 1, 8, 9]] = True
    filled = Interpolator(apart).fill(values, bad)
    assert filled[11] == values[~bad].mean()  # its array has none left
    assert Interpolator(touching).fill(values, bad)[11] == np.mean([18, 19])
    assert filled[~bad].tobytes() == values[~bad].tobytes()
    bad[:] = True
    assert Interpolator(apart).fill(values, bad).tolist() == values.tolist()


def test_one_stuck_amplifier_of_two() -> None:
    layout = ElectrodeLayout.parse(
        {
            **ElectrodeLayout.grid(4, 16).model_dump(),
            "arrays": [
                {"name": "a", "rows": [0, 3], "columns": [0, 12]},
                {"name": "b", "rows": [0, 3], "columns": [13, 15]},
            ],
        },
        what="test",
    )
    spec = PipelineSpec.parse({"fs_hz": 2048.0, "layout": layout, "features": ("rms",)}, what="test")
    rng, still = np.random.default_rng(0), np.zeros((6000, 64))
    x = sum(
        WHOLE[f"{what}, 100 µV"](still, 2048.0, rng)
        for what in ("noise of EMG's band", "one noise of EMG's band on all")
    )
    stuck = np.flatnonzero(layout.array_numbers == 1)
    x[2000:, stuck] = np.resize(x[2000:2200, stuck], (4000, len(stuck)))
    frames, quality = run(spec, x)
    assert quality is not None
    assert frames[-1].fault is None
    assert {quality.kinds[k] for k in stuck} == {"repeated"}
    assert quality.bad.sum() == len(stuck)


def test_a_frame_carries_the_quality_of_the_window_before_it_however_it_is_settled() -> None:
    spec = PipelineSpec(fs_hz=1024.0, layout=ElectrodeLayout.grid(4, 8), features=("rms",))
    samples = 20.0 * np.random.default_rng(0).standard_normal((1280, 32))
    samples[640:, 5] = 0.0  # flat
    hop = spec.hop_samples
    at_once = Preprocessor(spec).push(samples)
    live, frames, known = Preprocessor(spec), [], []
    for start in range(0, len(samples), hop):
        found = live.push(samples[start : start + hop])
        if start % (3 * hop):  # an engine that is late leaves it to the next push
            live.settle()
        frames += found
    assert [frame.maps.tobytes() for frame in frames] == [frame.maps.tobytes() for frame in at_once]
    assert [frame.fault for frame in frames] == [frame.fault for frame in at_once]
    asked = Preprocessor(spec)
    for start in range(0, len(samples), hop):
        if asked.push(samples[start : start + hop]):
            assert asked.quality is not None
            known.append(bool(asked.quality.bad[5]))
    bad = [bool(frame.bad[5]) for frame in at_once if frame.bad is not None]
    assert any(known)
    assert not known[0]
    assert bad == [known[0], *known[:-1]]
