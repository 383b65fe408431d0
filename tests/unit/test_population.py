"""What training people's windows look like, as a bundle carries it."""

from __future__ import annotations

import numpy as np
import pytest

from offline.config import TrainConfig
from offline.data.datasets import collect
from offline.data.splits import Split
from offline.train.person import donnings
from offline.train.population import fit_population
from offline.train.window_training import train
from rt_handdt.core.discriminant import LEAST_SPREAD
from tests.support.people import FS_HZ, LAYOUT, recording

SETTINGS = {
    "stride": 2,
    "threads": 1,
    "pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 16 / FS_HZ, "features": ["rms", "wl", "zc"]},
    "network": {"widths": [4, 4, 4]},
    "optimiser": {"epochs": 1, "batch": 32, "keep": "last"},
}


@pytest.mark.parametrize("learn", [False, True])
def test_the_covariance_is_that_of_first_repetitions_each_person_by_itself(learn: bool) -> None:
    config = TrainConfig.model_validate({**SETTINGS, "person": {"learn": learn, "dims": 4, "temperatures": []}})
    windows = collect([recording(person) for person in range(3)], LAYOUT, config)
    parts = Split(windows.person < 2, windows.person == 2, "two of three", 2)
    trained = train(windows, parts, config)
    found = trained.population
    assert found is not None
    np.testing.assert_array_equal(found.amplitude, [True, True, False])
    group, wanted = donnings(windows), []
    for one in (0, 1):  # whoever validates says nothing
        rows = []
        for k in range(3):
            own = np.flatnonzero(
                (group == one) & (windows.label == k) & (windows.since_cue_s >= config.person.settle_s)
            )
            rows.append(own[windows.trial[own] == windows.trial[own].min()])
        x = found.compress(windows.maps[np.concatenate(rows)]).reshape(sum(map(len, rows)), -1)
        spread = np.maximum(x.std(axis=0), LEAST_SPREAD * np.median(x.std(axis=0)))
        y = np.repeat(np.arange(3), [len(own) for own in rows])
        centred = np.concatenate([(x[y == k] - x[y == k].mean(axis=0)) / spread for k in range(3)])
        wanted.append(centred.T @ centred / len(centred))
    np.testing.assert_allclose(found.features.T @ found.features, np.mean(wanted, axis=0), atol=2e-3)
    assert found.latents.shape[1] == trained.net.latent_size
    assert np.isfinite(found.latents).all()
    # and it does not depend on what validation people did
    loud = windows.maps.copy()
    loud[windows.person == 2] *= 3.0
    other = type(windows)(**{**{name: getattr(windows, name) for name in windows.__dataclass_fields__}, "maps": loud})
    again = fit_population(trained.net, other, parts.train, trained.person, config.person.settle_s)
    np.testing.assert_array_equal(again.features, found.features)
    np.testing.assert_array_equal(again.latents, found.latents)


def test_one_donning_says_nothing_of_others() -> None:
    config = TrainConfig.model_validate(SETTINGS)
    windows = collect([recording(0)], LAYOUT, config)
    half = windows.since_cue_s < np.median(windows.since_cue_s)
    found = train(windows, Split(half, ~half, "halves", 1), config).population
    assert found is not None
    assert found.features.shape == (0, windows.spec.n_maps * LAYOUT.n_channels)
    assert len(found.latents) == 0
