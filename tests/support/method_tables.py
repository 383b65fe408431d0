"""Small feature tables in which gesture and person both show, for the method's tests."""

from __future__ import annotations

import numpy as np

from offline.data.feature_table import FeatureTable
from rt_handdt.core.gestures import HYSER_GESTURES, GestureSet
from rt_handdt.core.layout import ElectrodeLayout


def method_table(
    *,
    people: int = 3,
    gestures: int = 3,
    repetitions: int = 4,
    shape: tuple[int, int] = (6, 5),
    inputs: tuple[int, ...] = (2,),
    first_person: int = 0,
    noise: float = 0.3,
) -> FeatureTable:
    """A sample is its gesture's pattern, times and plus its person's, with noise; amplitudes stay positive."""
    rng = np.random.default_rng([7, sum(inputs)])
    maps = (sum(inputs), *shape)
    patterns = rng.normal(size=(gestures, *maps))
    rng = np.random.default_rng([8, first_person])
    own = rng.normal(size=(people, *maps))
    label, person, _ = (part.reshape(-1) for part in np.mgrid[:gestures, :people, :repetitions])
    values = 3.0 + patterns[label] + 0.5 * own[person] + noise * rng.normal(size=(len(label), *maps))
    return FeatureTable(
        measure="test",
        names=tuple(f"f{n}" for n in range(maps[0])),
        maps=np.abs(values).astype(np.float32),
        label=label.astype(np.int64),
        person=person.astype(np.int64),
        session=np.zeros(len(label), np.int64),
        trial=np.arange(len(label), dtype=np.int64),
        gestures=GestureSet(HYSER_GESTURES[:gestures]),
        people=tuple(f"p{first_person + n}" for n in range(people)),
        sessions=("1",),
        layout=ElectrodeLayout.grid(*shape),
        unit="trial",
        fs_hz=2048.0,
        inputs=inputs,
    )
