"""Where on the arm a gesture shows: as the published maps have it."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.signal import butter, sosfiltfilt

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.paths import layout_path
from rt_handdt.sim.anatomy import MUSCLE_INDEX
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.script import Cue, Script
from rt_handdt.sim.session import DEFAULT_GESTURES

HYSER = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
PEOPLE = range(1, 6)
FS = 2048.0
SETTLED = 1024
BAND = butter(2, (60, 480), "bandpass", fs=FS, output="sos")


@cache
def maps() -> dict[str, np.ndarray]:
    """RMS of each of the ten gestures, (n_people, 16, 16)."""
    found: dict[str, list[np.ndarray]] = {gesture: [] for gesture in DEFAULT_GESTURES}
    for subject in PEOPLE:
        person = draw_person(0, subject)
        forearm = Forearm(person, draw_donning(person, 1), HYSER)
        script = Script(tuple(Cue(gesture, 1.0) for gesture in DEFAULT_GESTURES))
        x = sosfiltfilt(BAND, np.concatenate(list(forearm.stream(script))).astype(float), axis=0)
        starts = script.starts(FS)
        for gesture, start, stop in zip(DEFAULT_GESTURES, starts, starts[1:], strict=False):
            rms = x[start + SETTLED : stop].std(axis=0)
            found[gesture].append(HYSER.to_grid(rms))
    return {gesture: np.stack(grids) for gesture, grids in found.items()}


def share(grids: np.ndarray, columns: list[int]) -> np.ndarray:
    """Of each person's power, how much lies under these columns."""
    return np.square(grids[:, :, columns]).sum(axis=(1, 2)) / np.square(grids).sum(axis=(1, 2))


EXTENSORS, FLEXORS = list(range(8)), list(range(8, 16))
#: The radial edges of both halves, and the ulnar ones, which meet in the middle of the grid.
RADIAL, ULNAR = [0, 1, 2, 13, 14, 15], [5, 6, 7, 8, 9, 10]


def test_flexion_and_extension_light_opposite_arrays():
    flexion, extension = maps()["wrist_flexion"], maps()["wrist_extension"]
    assert (share(flexion, FLEXORS) > share(extension, FLEXORS)).all()
    assert np.median(share(flexion, FLEXORS)) > 0.6
    assert np.median(share(extension, EXTENSORS)) > 0.6


def test_opening_and_closing_light_opposite_arrays():
    opening, closing = maps()["hand_open"], maps()["hand_close"]
    assert np.median(share(opening, EXTENSORS)) > 0.6
    assert np.median(share(closing, FLEXORS)) > np.median(share(opening, FLEXORS)) + 0.2


def test_radial_and_ulnar_deviation_light_opposite_edges():
    radial, ulnar = maps()["wrist_radial"], maps()["wrist_ulnar"]
    assert (share(radial, RADIAL) > share(ulnar, RADIAL)).all()
    assert np.median(share(radial, RADIAL) / share(radial, ULNAR)) > 1.5
    assert np.median(share(ulnar, ULNAR) / share(ulnar, RADIAL)) > 3


def test_supination_is_weak():
    """Its muscle lies deep, and biceps does much of the work: its map is weaker than those of the strong movements."""
    strength = {gesture: np.sqrt(np.square(grids).mean(axis=(1, 2))) for gesture, grids in maps().items()}
    strong = np.mean([strength[f"wrist_{way}"] for way in ("flexion", "extension", "radial", "ulnar")], axis=0)
    assert np.median(strength["wrist_supination"] / strong) < 0.8
    ranks = sorted(strength, key=lambda gesture: float(np.median(strength[gesture])))
    assert ranks.index("wrist_supination") <= 3


def test_the_deep_supinator_itself_hardly_reaches_the_skin():
    person = draw_person(0, 1)
    forearm = Forearm(person, draw_donning(person, 1), HYSER)
    strength = np.array([np.sqrt(np.square(wave).sum(axis=0).max()) for _, wave in forearm.potentials])
    of = {name: strength[forearm.units.muscle == MUSCLE_INDEX[name]].mean() for name in ("SUP", "ECRL", "FCU")}
    assert of["SUP"] < 0.4 * min(of["ECRL"], of["FCU"])
