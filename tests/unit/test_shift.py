"""Electrodes that sit elsewhere are found in the unlabelled stream, and only these."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.core.calibration import CalibrationSettings
from rt_handdt.core.labelled import LabelledWindows
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.population import Population
from rt_handdt.core.shift import Shift, ShiftSettings
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.infer.calibrated import CalibratedStream

LAYOUT = ElectrodeLayout.grid(6, 8)
SPEC = PipelineSpec(fs_hz=2048.0, layout=LAYOUT)
PLAIN = Population.plain(SPEC, 2)
NAMES = ["rest", "fist", "open", "pinch"]
#: Where each gesture's muscle lies: rows, columns.
PLACES = {1: (1.0, 1.5), 2: (1.5, 5.5), 3: (4.0, 3.0)}
HOW = CalibrationSettings(latent=0.0, network=0.0, shift=ShiftSettings(every=1, windows=48))


def windows(
    label: int, rng: np.random.Generator, n: int, moved: tuple[float, float] = (0, 0), strength: float = 1
) -> Float32:
    """(n, F, H, W) raw maps of electrodes that hear everything `moved` cells farther along the grid."""
    power = np.full((6, 8), 25.0)
    if label:
        row, column = np.add(PLACES[label], moved)
        rows, columns = np.mgrid[:6, :8]
        power += (60.0 * strength) ** 2 * np.exp(-0.5 * ((rows - row) ** 2 + (columns - column) ** 2) / 1.3**2)
    maps = np.zeros((n, *SPEC.frame_shape), np.float32)
    maps[:, :2] = np.sqrt(power * np.exp(0.1 * rng.standard_normal((n, 1, 6, 8))))
    return maps


def calibrated(*, learn: bool = True) -> CalibratedStream:
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(4), 40)
    given = LabelledWindows(np.concatenate([windows(k, rng, 40) for k in range(4)]), label, np.zeros_like(label))

    def network(maps: Float32) -> tuple[Float32, Float32]:
        return np.full((len(maps), 4), 0.25, np.float32), np.zeros((len(maps), 2), np.float32)

    return CalibratedStream.fit(given, PLAIN, HOW, network, None, NAMES, LAYOUT.occupied, spec=SPEC, learn=learn)[0]


def play(
    stream: CalibratedStream, moved: tuple[float, float], labels: tuple[int, ...] = (1, 0, 2, 3), rounds: int = 5
) -> None:
    rng = np.random.default_rng(1)
    for round_ in range(rounds):
        for label in labels:
            for maps in windows(label, rng, 24, moved, strength=0.6 + 0.2 * round_):
                stream.judge(maps)
                stream.learn()


@pytest.mark.parametrize("moved", [(0.0, 1.0), (0.5, -1.0), (0.0, 0.0)])
def test_the_move_is_found_whatever_the_strength(moved: tuple[float, float]) -> None:
    stream = calibrated()
    play(stream, moved)
    assert stream.shift is not None
    assert stream.shift.cells == moved
    strange = [stream.judge(maps).strangeness for maps in windows(1, np.random.default_rng(2), 8, moved)]
    still = calibrated(learn=False)
    before = [still.judge(maps).strangeness for maps in windows(1, np.random.default_rng(2), 8, moved)]
    if moved != (0, 0):
        assert max(strange) < min(before)
    stream.reset()
    assert stream.shift.cells == (0, 0)


def test_one_gesture_that_is_held_says_nothing_nor_does_rest() -> None:
    stream = calibrated()
    play(stream, (0.0, 1.0), labels=(1, 0), rounds=8)
    assert stream.shift is not None
    assert stream.shift.cells == (0, 0)


def test_what_the_repetitions_lack_says_nothing_of_where_the_electrodes_sit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a calibration without rest, rest is the network's, and lies nowhere near a gesture."""
    rng = np.random.default_rng(3)
    label = np.repeat(np.arange(1, 4), 40)
    given = LabelledWindows(np.concatenate([windows(k, rng, 40) for k in range(1, 4)]), label, np.zeros_like(label))

    def network(maps: Float32) -> tuple[Float32, Float32]:
        rests = np.array([[0.91, 0.03, 0.03, 0.03]], np.float32)
        return np.repeat(rests, len(maps), axis=0), np.zeros((len(maps), 2), np.float32)

    stream, _ = CalibratedStream.fit(given, PLAIN, HOW, network, None, NAMES, LAYOUT.occupied, spec=SPEC)
    assert stream.shift is not None
    watched: list[int] = []
    monkeypatch.setattr(stream.shift, "watch", lambda log_rms, named: watched.append(named))
    play(stream, (0.0, 0.0), labels=(0,), rounds=1)
    assert watched == []


def test_nothing_is_looked_for_without_learning() -> None:
    assert calibrated(learn=False).shift is None


def test_maps_are_moved_between_cells_and_round_the_limb() -> None:
    likeness = calibrated().classifier.likeness
    assert likeness is not None
    maps = np.arange(48, dtype=np.float32).reshape(1, 6, 8)
    plain = Shift(likeness, LAYOUT, ShiftSettings())
    np.testing.assert_allclose(plain.moved(maps, (0, 0.5))[0, 0], [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7])
    np.testing.assert_allclose(plain.moved(maps, (1, 0))[0, :, 0], [8, 16, 24, 32, 40, 40])
    assert plain.moved(maps) is maps
    ring = Shift(likeness, LAYOUT.model_copy(update={"closed": True}), ShiftSettings())
    np.testing.assert_allclose(ring.moved(maps, (0, -0.5))[0, 0], [3.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5])


def test_empty_cells_lend_nothing() -> None:
    likeness = calibrated().classifier.likeness
    assert likeness is not None
    cells = tuple(cell for cell in LAYOUT.cells if cell != (0, 3))
    holed = ElectrodeLayout(name="holed", channels=LAYOUT.channels[:-1], cells=cells, shape=LAYOUT.shape)
    maps = np.full((1, 6, 8), 2.0, np.float32)
    maps[0, 0, 3] = -99.0
    found = Shift(likeness, holed, ShiftSettings()).moved(maps, (0, 0.5))
    np.testing.assert_allclose(np.delete(found[0].ravel(), 3), 2.0)
