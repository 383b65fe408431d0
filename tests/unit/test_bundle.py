"""Bundles: nothing altered, incomplete or of another version is loaded; golden vectors hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.bundle import FILES, Bundle, load_bundle, save_bundle
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.types import Float32
from rt_handdt.errors import BundleError, ConfigError
from rt_handdt.infer.golden import golden_faults
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.paths import shipped
from tests.support.tiny import tiny_bundle, tiny_manifest, tiny_spec

SHIPPED = sorted(path.parent for path in shipped("models").glob("*/manifest.json"))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "tiny")


def test_a_bundle_round_trips(bundle: Bundle) -> None:
    again = load_bundle(bundle.path)
    assert again.manifest == bundle.manifest
    assert again.fingerprint == bundle.fingerprint
    assert again.gestures.labels == ("rest", "left", "right")


def replay_golden(bundle: Bundle) -> None:
    recognizer = Recognizer(bundle, "cpu")
    assert golden_faults(recognizer) == []
    probabilities, _ = recognizer.predict_batch(bundle.golden()["frames"])
    one = recognizer.predict(bundle.golden()["frames"][0])
    np.testing.assert_allclose(one.probabilities, probabilities[0], atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    n_maps, height, width = bundle.spec.frame_shape
    painted = 1 if recognizer.shared is not None else n_maps
    assert recognizer.explain(one.latent).shape == (painted, height, width)


def test_golden_vectors_of_the_tiny_bundle(bundle: Bundle) -> None:
    replay_golden(bundle)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_golden_vectors_of_every_shipped_bundle(path: Path) -> None:
    bundle = load_bundle(path)
    replay_golden(bundle)
    assert sum(file.stat().st_size for file in path.iterdir()) < 16 * 2**20
    assert len(bundle.golden()["indices"]) >= 5


def nudged(stored: dict[str, Float32], name: str, where: object, by: float) -> dict[str, Float32]:
    """Golden vectors as a computer that counts or calculates otherwise would have made them."""
    other = stored[name].copy()
    other[where] += by  # type: ignore[index]
    return stored | {name: other}


def test_golden_vectors_forgive_a_count_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = Recognizer(load_bundle(shipped("models", "default")), "cpu")
    stored = recognizer.bundle.golden()
    # As this very computer makes them, for it may count otherwise than the one where they were made.
    stored["frames"] = np.stack([frame.maps for frame in Preprocessor(recognizer.bundle.spec).push(stored["signal"])])
    labels = [feature.label for feature in recognizer.bundle.spec.features]
    rms, zc, ssc = (labels.index(name) for name in ("rms", "zc", "ssc"))
    # The network says what it said, whatever is done to the frames here.
    answers = recognizer.bundle.golden()
    monkeypatch.setattr(recognizer, "predict_batch", lambda maps: (answers["probabilities"], answers["latents"]))

    def said(name: str, where: object, by: float) -> str:
        monkeypatch.setattr(Bundle, "golden", lambda self: nudged(stored, name, where, by))
        return " ".join(golden_faults(recognizer))

    assert said("frames", (3, ssc, 4, 5), 1.0) == ""  # 134 became 135
    assert said("frames", (slice(0, 5), ssc, 4, 5), -2.0) == ""
    assert "'ssc' differ in 1 of" in said("frames", (3, ssc, 4, 5), 3.0)
    assert "'ssc' differ in 256 of" in said("frames", (3, ssc), 1.0)
    assert "'ssc' differ" in said("frames", (3, ssc, 4, 5), np.nan)
    # What the signal's first sample is, is rounding: each electrode of the first window may have a crossing more.
    assert said("frames", (0, zc), 1.0) == ""
    assert "'zc' differ in 256 of" in said("frames", (0, zc), 2.0)
    assert "'zc' differ in 256 of" in said("frames", (1, zc), 1.0)
    assert "'rms' is off by up to" in said("frames", (3, rms, 4, 5), 0.1)
    assert "probabilities are off" in said("probabilities", (3, 0), -2e-4)
    assert "latents are off" in said("latents", 3, 0.5)
    assert "windows end elsewhere" in said("indices", 3, 1)


def test_there_is_a_default_model() -> None:
    assert "default" in [path.name for path in SHIPPED]


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_refused(bundle: Bundle, name: str) -> None:
    path = bundle.path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=f"{name}: was changed after export"):
        load_bundle(bundle.path)
    path.unlink()
    with pytest.raises(BundleError, match=f"'{name}' is missing"):
        load_bundle(bundle.path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": "rt-handdt.bundle/4"}, "reads 'rt-handdt.bundle/3'; update rt-handdt"),
        ({"schema": "something"}, "export the bundle again"),
        ({"gesture": []}, "unknown key 'gesture'; did you mean 'gestures'"),
        ({"latent_size": None}, "latent_size"),
        ({"files": {}}, "'files' must name"),
        ({"gestures": ["rest", "rest"]}, "different labels"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(bundle: Bundle, change: dict[str, object], says: str) -> None:
    path = bundle.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BundleError, match=says):
        load_bundle(bundle.path)


def test_a_missing_key_is_refused(bundle: Bundle) -> None:
    path = bundle.path / "manifest.json"
    data = json.loads(path.read_text())
    del data["decoder"]
    path.write_text(json.dumps(data))
    with pytest.raises(BundleError, match="'decoder' is missing"):
        load_bundle(bundle.path)
    path.write_text("{")
    with pytest.raises(BundleError, match="cannot be read as JSON"):
        load_bundle(bundle.path)


def test_a_manifest_changed_beside_its_network_is_refused(bundle: Bundle) -> None:
    # Hashes alone would not notice: the files are untouched, but the network was exported with other labels.
    path = bundle.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"gestures": ["rest", "right", "left"]}))
    with pytest.raises(BundleError, match="another manifest"):
        Recognizer(load_bundle(bundle.path))


def test_no_bundle_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle folder"):
        load_bundle(tmp_path / "nothing")
    with pytest.raises(BundleError, match=r"holds no manifest\.json"):
        load_bundle(tmp_path)


def test_saving_is_all_or_nothing(bundle: Bundle, tmp_path: Path) -> None:
    manifest = tiny_manifest(tiny_spec())
    with pytest.raises(BundleError, match="is made of"):
        save_bundle(tmp_path / "half", manifest, {"CARD.md": b""})
    assert not (tmp_path / "half").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    files = {name: bundle.file(name) for name in FILES}
    with pytest.raises(BundleError, match="is not a bundle"):
        save_bundle(tmp_path / "mine", manifest, files)
    assert (tmp_path / "mine" / "thesis.txt").exists()
    # replacing a bundle is fine
    assert save_bundle(bundle.path, manifest, files).fingerprint == bundle.fingerprint
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_cuda_is_refused_where_there_is_none(bundle: Bundle) -> None:
    recognizer = Recognizer(bundle, "auto")
    if recognizer.provider == "CUDAExecutionProvider":
        pytest.skip("this machine has CUDA")
    with pytest.raises(ConfigError, match="rt-handdt doctor"):
        Recognizer(bundle, "cuda")
