"""What learns gives today's probabilities tomorrow: adapter and calibration of the shipped model, on a fixed stream."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.bundle import load_bundle
from rt_handdt.paths import shipped
from tests.support.learning_golden import STORED, judged


def test_learning_gives_what_it_gave() -> None:
    with np.load(STORED) as stored:
        assert str(stored["model"]) == load_bundle(shipped("models", "default")).fingerprint, (
            "the shipped model is another one: python -m tests.support.learning_golden"
        )
        found = judged(stored["windows"], stored["label"])
        for name, probabilities in found.items():
            np.testing.assert_allclose(probabilities, stored[name], rtol=0, atol=1e-4, err_msg=name)
    # Otherwise the stream would teach nothing, and the comparison would say nothing of learning.
    assert np.abs(found["adapting"] - found["network"]).max() > 0.2
    assert np.abs(found["calibrated"] - found["network"]).max() > 0.2
