"""The seven classifiers on people made up here: probabilities, calibration, graphs, and what they refuse."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from torch import nn

from offline.classifiers.base import CalibratedClassifier
from offline.classifiers.calibration import expected_calibration_error
from offline.classifiers.inputs import Standardiser, concatenate
from offline.classifiers.registry import CLASSIFIERS, make
from offline.classifiers.stack import Encoders, stack
from rt_handdt.errors import BundleError, ConfigError, HanddtError
from tests.support.tiny import LABELS, tiny_spec

NAMES = sorted(CLASSIFIERS)
QUICK: dict[str, dict[str, object]] = {
    "rf": {"trees": 40, "fold_trees": 20},
    "mlp": {"epochs": 6, "folds": 2},
    "cnn": {"epochs": 4, "folds": 2, "channels": 16},
    "lstm": {"epochs": 10, "folds": 2, "learning_rate": 5e-3},
}
MAPS = (6, 2, 2)
MISSING = 2  # a label that nobody in training has made


def people(n_people: int, *, seed: int = 0, shape: tuple[int, ...] = MAPS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latents, labels (0, 1, 3, 4 of 5) and people: each person is off by a vector of their own."""
    rng = np.random.default_rng(1)  # what gestures look like is the same for all
    base = 1.1 * rng.standard_normal((5, 24))
    rng = np.random.default_rng([seed, 7])
    y = np.tile(np.repeat([0, 1, 3, 4], 5), n_people)
    who = np.repeat(np.arange(n_people), 20)
    own = 0.5 * rng.standard_normal((n_people, 24))
    x = 3.0 + base[y] + own[who] + 0.9 * rng.standard_normal((len(y), 24))
    return x.reshape(-1, *shape).astype(np.float32), y, who


@cache
def fitted(name: str, flat: bool = False) -> CalibratedClassifier:
    """One of each kind, fitted once for all tests that only look."""
    x, y, who = people(6, shape=(24,) if flat else MAPS)
    return make(name, **QUICK.get(name, {})).fit(x, y, who, seed=3, n_labels=5)


def run(model: onnx.ModelProto, **inputs: np.ndarray) -> list[np.ndarray]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, inputs))


@pytest.mark.parametrize("name", NAMES)
def test_other_people_are_recognized_with_probabilities_that_mean_something(name: str) -> None:
    x, y, _ = people(10, seed=99)
    p = fitted(name).probabilities(x)
    assert p.shape == (200, 5)
    assert p.dtype == np.float32
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    assert (p[:, MISSING] == 0).all()
    assert (p.argmax(axis=1) == y).mean() > 0.75
    assert expected_calibration_error(p, y) < 0.15
    calibration = fitted(name).calibration
    assert calibration.n == 120  # every training sample was held out once
    assert fitted(name).notes == ()


@pytest.mark.parametrize("name", NAMES)
def test_graph_computes_the_same(name: str) -> None:
    x, _, _ = people(10, seed=5)
    model = fitted(name).to_onnx()
    assert [value.name for value in model.graph.output] == ["probabilities"]
    for n in (1, 32):
        (p,) = run(model, latent=x[:n])
        assert p.shape == (n, 5)
        assert np.abs(p - fitted(name).probabilities(x[:n])).max() < (1e-4 if name in ("knn", "rf") else 1e-5)


def test_flat_latents_are_a_row_to_the_cnn_and_pieces_to_the_lstm() -> None:
    x, y, _ = people(3, seed=5, shape=(24,))
    row = make("cnn", **QUICK["cnn"]).fit(x, y, seed=0, n_labels=5)
    assert (row.probabilities(x).argmax(axis=1) == y).mean() > 0.5
    pieces = make("lstm", epochs=2, folds=2, steps=5).fit(x, y, seed=0, n_labels=5)  # 4 pieces of 5 values and one of 4
    (p,) = run(pieces.to_onnx(), latent=x[:5])
    assert np.abs(p - pieces.probabilities(x[:5])).max() < 1e-5


@pytest.mark.parametrize("name", ["knn", "svm", "rf", "lda", "mlp"])
def test_flat_and_map_latents_are_the_same_to_those_who_do_not_look(name: str) -> None:
    x, _, _ = people(2, seed=8)
    flat = fitted(name, flat=True).probabilities(x.reshape(-1, 24))
    assert np.allclose(flat, fitted(name).probabilities(x), atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "lstm", "rf"])
def test_same_seed_same_probabilities(name: str) -> None:
    x, y, who = people(6)
    again = make(name, **QUICK.get(name, {})).fit(x, y, who, seed=3, n_labels=5)
    assert np.array_equal(again.probabilities(x[:20]), fitted(name).probabilities(x[:20]))


def test_labels_are_those_of_scikit_learn() -> None:
    x, y, who = people(6)
    test, _, _ = people(10, seed=4)
    scale = Standardiser.fit(x)
    z, t = scale(x).reshape(-1, 24), scale(test).reshape(-1, 24)
    nearest = KNeighborsClassifier(1).fit(z, y).predict(t)
    assert np.array_equal(fitted("knn").probabilities(test).argmax(axis=1), nearest)
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(z, y)
    assert np.array_equal(fitted("lda").probabilities(test).argmax(axis=1), lda.predict(t))
    pairs = SVC(kernel="linear").fit(z, y).decision_function(t)  # `predict` breaks ties without regard to margins
    assert np.array_equal(fitted("svm").probabilities(test).argmax(axis=1), np.unique(y)[pairs.argmax(axis=1)])
    binary = y < 2
    two = make("svm").fit(x[binary], y[binary], who[binary], seed=0, n_labels=2)
    margin = SVC(kernel="linear").fit(Standardiser.fit(x[binary])(x[binary]).reshape(-1, 24), y[binary])
    expected = margin.predict(Standardiser.fit(x[binary])(test).reshape(-1, 24))
    assert np.array_equal(two.probabilities(test).argmax(axis=1), expected)
    for name in ("knn", "svm", "rf", "lda"):  # of two classes some have one margin
        two = make(name, **QUICK.get(name, {})).fit(x[binary], y[binary], who[binary], seed=0, n_labels=2)
        assert np.abs(run(two.to_onnx(), latent=test)[0] - two.probabilities(test)).max() < 1e-4
        assert (two.probabilities(x[binary]).argmax(axis=1) == y[binary]).mean() > 0.8


def test_several_neighbours_and_uncalibrated_have_graphs_too() -> None:
    x, y, who = people(4)
    test, _, _ = people(2, seed=6)
    for kind in (make("knn", neighbours=7), make("lda", calibrate=False, standardise=False)):
        kind.fit(x, y, who, seed=0, n_labels=5)
        assert (kind.probabilities(x).argmax(axis=1) == y).mean() > 0.8
        (p,) = run(kind.to_onnx(), latent=test)
        assert np.abs(p - kind.probabilities(test)).max() < 1e-4
    assert kind.calibration.temperature == 1.0
    assert kind.notes == ()  # it was not asked for


def test_large_knn_graph_is_refused_and_thinning_helps() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(9000) % 3
    x = (rng.standard_normal((9000, 512)) + y[:, None]).astype(np.float32)
    who = np.arange(9000) // 300
    whole = make("knn", calibrate=False).fit(x, y, who, seed=0, n_labels=3)
    with pytest.raises(ConfigError, match="keep=8192"):
        whole.to_onnx()
    for keep in (99, 300):
        thin = make("knn", calibrate=False, keep=keep).fit(x, y, who, seed=0, n_labels=3)
        assert thin.to_onnx().ByteSize() == pytest.approx(4 * 512 * keep, rel=0.1)
        assert (thin.probabilities(x[:300]).argmax(axis=1) == y[:300]).mean() > 0.95


def test_forest_graph_shrinks_with_its_leaves() -> None:
    x, y, who = people(6)
    small = make("rf", trees=40, fold_trees=5, max_leaves=4).fit(x, y, who, seed=3, n_labels=5)
    assert small.to_onnx().ByteSize() < 0.6 * fitted("rf").to_onnx().ByteSize()
    (p,) = run(small.to_onnx(), latent=x)
    assert np.abs(p - small.probabilities(x)).max() < 1e-4


@pytest.mark.parametrize("name", ["knn", "svm", "rf", "lda", "mlp"])
def test_one_sample_of_each_label_is_learnt_uncalibrated_and_said(name: str) -> None:
    x = np.eye(3, 8, dtype=np.float32) * 5
    kind = make(name, **QUICK.get(name, {})).fit(x, [0, 1, 2], [0, 1, 2], seed=0, n_labels=3)
    p = kind.probabilities(x)
    assert np.isfinite(p).all()
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    if name not in ("rf", "mlp"):  # a bootstrap of three samples may miss one; ten epochs of one step teach little
        assert p.argmax(axis=1).tolist() == [0, 1, 2]
    assert kind.calibration.temperature == 1.0
    assert "not calibrated" in kind.notes[0]


def test_a_label_that_one_person_only_has_does_not_stop_calibration() -> None:
    x, y, who = people(5)
    keep = (y != 4) | (who == 0)
    for name in ("lda", "mlp"):
        kind = make(name, **QUICK.get(name, {})).fit(x[keep], y[keep], who[keep], seed=0, n_labels=5)
        assert kind.calibration.n == int((y[keep] != 4).sum())
        assert kind.probabilities(x)[:, 4].max() > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_learnt_is_refused(name: str) -> None:
    x, y, who = people(2)
    kind = make(name, **QUICK.get(name, {}))
    bad = x.copy()
    bad[7, 0] = np.nan
    for values, labels, groups, match in (
        (bad, y, who, "sample.* hold NaN or infinity .*number 7"),
        (x, np.zeros(len(y), int), who, "at least two labels"),
        (x, y + 1, who, r"0\.\.4"),
        (x, y[:-1], who, "one whole-number label"),
        (x, y.astype(float), who, "one whole-number label"),
        (x, y, who[:-1], "'groups'"),
        (x, y, np.zeros(len(y), int), "at least two"),
        (x[:0], y[:0], who[:0], "at least two labels"),
        (x[:, 0, 0, 0], y, who, "shape"),
    ):
        with pytest.raises(HanddtError, match=match):
            kind.fit(values, labels, groups, seed=0, n_labels=5)
    with pytest.raises(HanddtError, match="call 'fit' first"):
        kind.probabilities(x)
    with pytest.raises(HanddtError, match="NaN"):
        fitted(name).probabilities(bad)
    with pytest.raises(HanddtError, match="shape"):
        fitted(name).probabilities(x.reshape(-1, 24))
    assert fitted(name).probabilities(x[:0]).shape == (0, 5)


def test_names_and_options() -> None:
    with pytest.raises(ConfigError, match="did you mean 'svm'"):
        make("svn")
    with pytest.raises(ConfigError, match="did you mean 'neighbours'"):
        make("knn", neighbors=3)
    with pytest.raises(ConfigError, match="'trees'"):
        make("rf", trees=0)
    with pytest.raises(ConfigError, match="one leaf"):
        make("rf", max_leaves=1)


def test_latents_of_several_runs_join_along_their_depth() -> None:
    a, b = np.zeros((3, 4, 2, 2)), np.ones((3, 6, 2, 2))
    assert concatenate([a, b]).shape == (3, 10, 2, 2)
    assert concatenate([a, np.ones((3, 6, 1, 2))]).shape == (3, 16 + 12)
    assert concatenate([a.reshape(3, -1), b.reshape(3, -1)]).shape == (3, 40)
    for wrong in ([a, b[:2]], [], [np.zeros(3)]):
        with pytest.raises(HanddtError, match="same N samples"):
            concatenate(wrong)


def test_a_constant_element_is_centred_not_blown_up() -> None:
    x = np.full((10, 2), 1e4, np.float32)
    x[:, 1] = np.arange(10)
    z = Standardiser.fit(x)(x)
    assert (z[:, 0] == 0).all()
    assert z[:, 1].std() == pytest.approx(1, abs=1e-5)


class Halves(nn.Module):
    """A pattern encoder that can be followed by hand: loudness of both halves of the grid, and of their squares."""

    def pattern(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, F, H, W) → (N, 2, 1, 2)."""
        halves = maps[:, 0].unflatten(2, (2, -1)).mean((1, 3))
        return torch.stack([halves, halves**2 / 10], 1)[:, :, None]


def samples() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps (60, 2, 2, 4) of three labels, these, and their latents (60, 2, 1, 2)."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 20)
    features = (1 + 20 * rng.random((60, *tiny_spec().frame_shape))).astype(np.float32)
    features[y == 1, :, :, :2] *= 3
    features[y == 2, :, :, 2:] *= 3
    return features, y, Halves().pattern(torch.from_numpy(features)).numpy()


@pytest.mark.parametrize("name", ["rf", "lda"])
@pytest.mark.parametrize(("runs", "shape"), [(1, (2, 1, 2)), (2, (4, 1, 2)), (2, (8,))])
def test_any_head_goes_live_behind_its_encoders(name: str, runs: int, shape: tuple[int, ...]) -> None:
    features, y, latents = samples()
    joint = np.concatenate([latents.reshape(60, -1)] * runs, axis=1)
    head = make(name, **QUICK.get(name, {})).fit(joint.reshape(60, *shape), y, seed=0, n_labels=len(LABELS))
    encoders = Encoders([Halves() for _ in range(runs)], shape)
    model = stack(encoders, head.to_onnx(), torch.from_numpy(features[:2]))
    assert [value.name for value in model.graph.output] == ["latent", "probabilities"]
    found, p = run(model, features=features)
    assert np.allclose(found, joint, rtol=1e-5)
    assert np.abs(p - head.probabilities(joint.reshape(60, *shape))).max() < (2e-2 if name == "rf" else 1e-4)
    assert (p.argmax(axis=1) == y).mean() > 0.8


def test_a_head_of_other_latents_or_of_another_time_is_refused() -> None:
    features, y, latents = samples()
    head = make("lda", calibrate=False).fit(latents, y, seed=0, n_labels=3).to_onnx()
    example = torch.from_numpy(features[:2])
    with pytest.raises(BundleError, match=r"shape \(2, 1, 2\), the encoder gives \(4, 1, 2\)"):
        stack(Encoders([Halves(), Halves()], (4, 1, 2)), head, example)
    head.opset_import[0].version = 19
    with pytest.raises(BundleError, match="with this version"):
        stack(Encoders([Halves()], (2, 1, 2)), head, example)
