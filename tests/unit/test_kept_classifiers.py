"""Fitted classifiers as files: read back they say the same; of other samples they are fitted anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from offline.classifiers import kept
from offline.classifiers.kept import fitted_once
from offline.classifiers.registry import make

RNG = np.random.default_rng(0)
Y = np.arange(60) % 3
X = (RNG.normal(size=(60, 4, 2, 2)) + Y[:, None, None, None]).astype(np.float32)
WHO = np.arange(60) // 20


@pytest.mark.parametrize("name", ["knn", "lda", "rf"])
def test_a_kept_classifier_is_not_fitted_again_and_says_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"trees": 20} if name == "rf" else {}
    first = fitted_once(name, X, Y, WHO, seed=0, n_labels=3, options=options, folder=tmp_path)
    own = make(name, **options).fit(X, Y, WHO, seed=0, n_labels=3)
    near = 2 / 20 if name == "rf" else 1e-4  # of a tree's thresholds one may lie between two roundings
    np.testing.assert_allclose(first.probabilities(X), own.probabilities(X), atol=near)
    assert first.temperature == own.calibration.temperature
    with monkeypatch.context() as patched:
        patched.setattr(kept, "make", lambda name, **given: _unfittable(make(name, **given)))
        again = fitted_once(name, X, Y, WHO, seed=0, n_labels=3, options=options, folder=tmp_path)
        np.testing.assert_array_equal(again.probabilities(X), first.probabilities(X))
        assert again.to_onnx() == first.to_onnx()
        assert (again.notes, again.temperature) == (first.notes, first.temperature)
        for changed in ({"seed": 1}, {"x": X + 1}, {"y": 2 - Y}):
            values = {"x": X, "y": Y, "groups": WHO, "seed": 0, "n_labels": 3, "options": options, **changed}
            with pytest.raises(TypeError, match="not callable"):  # it would be fitted
                fitted_once(name, **values, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"half of a graph")
    assert (
        fitted_once(name, X, Y, WHO, seed=0, n_labels=3, options=options, folder=tmp_path).to_onnx() == first.to_onnx()
    )


def test_one_too_large_for_a_graph_is_used_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offline.classifiers.estimators.LIMIT_BYTES", 10)
    found = fitted_once("knn", X, Y, WHO, seed=0, n_labels=3, folder=tmp_path)
    assert (found.probabilities(X).argmax(1) == Y).all()
    assert not list(tmp_path.iterdir())


def _unfittable(classifier: object) -> object:
    classifier.fit = None  # type: ignore[attr-defined]
    return classifier
