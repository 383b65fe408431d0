"""Runs a bundle's networks."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from rt_handdt.core.bundle import METADATA_KEY, Bundle
from rt_handdt.core.pattern import PATTERN_KEY, PatternSettings, SharedPatterns
from rt_handdt.core.types import Float32, Posterior
from rt_handdt.errors import BundleError
from rt_handdt.infer.choice import Choice, choose
from rt_handdt.infer.choice import Provider as Provider
from rt_handdt.infer.network import open_session

#: From so many windows on the card is the faster one wherever there is one (see `rt_handdt.infer.choice`).
BATCH = 16


class Recognizer:
    """Pattern encoder and classifier, ready to answer.

    Parameters
    ----------
    bundle
        A verified bundle.
    provider
        ``"cpu"``, ``"cuda"`` (an error if it cannot be had), or ``"auto"``: both are timed where there is a card that
        works, one window at a time goes to the faster one, and many at once to the card.

    Attributes
    ----------
    provider
        The execution provider that takes one window at a time, as the session reports it (asking for CUDA does not mean
        to get it).
    choice
        Why that one: its sentence, and the times.
    shared
        What people share of each gesture; None where the bundle's explainer is a decoder that reconstructs feature maps
        (the published method, and bundles of before).

    Raises
    ------
    BundleError
        If the network and the manifest disagree.
    ConfigError
        If the provider is unknown, or is ``"cuda"`` and not available.
    """

    def __init__(self, bundle: Bundle, provider: Provider = "auto") -> None:
        self.bundle = bundle
        model = bundle.file("recognizer.onnx")
        session = open_session(model, "cpu")
        self._check(session)
        self._explainer = open_session(bundle.file("explainer.onnx"), "cpu")
        self.choice: Choice = choose(model, session, provider, bundle.spec.frame_shape)
        self.provider: str = self.choice.live.provider
        self.shared = self._shared_patterns()
        self.warm_up()

    def _check(self, session: Any) -> None:
        manifest = self.bundle.manifest
        said = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if said != manifest.identity_json():
            raise BundleError(
                f"{self.bundle.path}: recognizer.onnx was exported with another manifest; export the bundle again."
            )
        wanted = {
            "features": ("input", list(manifest.spec.frame_shape)),
            "probabilities": ("output", [len(manifest.gestures)]),
            "latent": ("output", [manifest.latent_size]),
        }
        found = {io.name: ("input", list(io.shape[1:])) for io in session.get_inputs()}
        found |= {io.name: ("output", list(io.shape[1:])) for io in session.get_outputs()}
        if found != wanted:
            raise BundleError(
                f"{self.bundle.path}: recognizer.onnx must have {wanted}, but has {found}; export it again."
            )

    def _shared_patterns(self) -> SharedPatterns | None:
        said = self._explainer.get_modelmeta().custom_metadata_map.get(PATTERN_KEY)
        if said is None:
            return None
        what = f"{self.bundle.path}: the metadata of explainer.onnx"
        settings = PatternSettings.parse(_json(said, what), what=what, error=BundleError)
        manifest = self.bundle.manifest
        wanted = [len(manifest.gestures), *manifest.spec.layout.shape]
        found = {io.name: list(io.shape) for io in self._explainer.get_outputs()}.get("gesture_patterns")
        if found != wanted:
            raise BundleError(
                f"{self.bundle.path}: explainer.onnx must give 'gesture_patterns' of shape {wanted}, one map for each "
                f"gesture, but has {found}; export the bundle again."
            )
        nothing = np.zeros((1, manifest.latent_size), np.float32)
        return SharedPatterns(self._explainer.run(["gesture_patterns"], {"latent": nothing})[0], settings)

    def warm_up(self, runs: int = 20) -> None:
        """Run a few times, so that the first live window is as fast as the rest."""
        frame = np.ones(self.bundle.spec.frame_shape, dtype=np.float32)
        for _ in range(runs):
            posterior = self.predict(frame)
        self.explain(posterior.latent)

    def predict(self, maps: npt.ArrayLike) -> Posterior:
        """Recognize one frame of shape (F, H, W)."""
        probabilities, latents = self.predict_batch(np.asarray(maps, dtype=np.float32)[None])
        return Posterior(probabilities[0], latents[0])

    def predict_batch(self, maps: npt.ArrayLike) -> tuple[Float32, Float32]:
        """Recognize frames of shape (N, F, H, W); returns probabilities (N, K) and latents (N, D)."""
        array = np.ascontiguousarray(maps, dtype=np.float32)
        if len(array) == 1:
            return self.choice.live.one(array)
        return (self.choice.batch if len(array) >= BATCH else self.choice.live).many(array)

    def explain(self, latent: npt.ArrayLike) -> Float32:
        """Pattern component of a latent (D,).

        Returns
        -------
        Float32
            (1, H, W), 0 to 1 (`rt_handdt.core.pattern`), by this latent alone; or, where `shared` is None, what the
            decoder reconstructs of the gesture alone, (F, H, W), standardised.
        """
        array = np.ascontiguousarray(latent, dtype=np.float32)[None]
        return np.asarray(self._explainer.run(["pattern_map"], {"latent": array})[0][0])

    def pattern_grid(self, probabilities: npt.ArrayLike, latent: npt.ArrayLike) -> Float32:
        """The pattern component as it is shown: (H, W), NaN in empty cells.

        Parameters
        ----------
        probabilities
            (K,) of the gestures, with all that is known of the subject; they may be smoothed.
        latent
            (D,) of the newest window. It counts where the bundle's explainer is a decoder; `explain` says what it alone
            amounts to where `shared` is there.
        """
        spec = self.bundle.spec
        if self.shared is not None:
            grid = self.shared.blend(probabilities)
        else:
            maps = self.explain(latent)
            grid = maps.mean(axis=0) if spec.shown_map is None else maps[spec.shown_map]
        return np.where(spec.layout.occupied, grid, np.float32(np.nan))


def runtime_packages() -> list[str]:
    """Installed ONNX Runtime distributions; more than one overwrite each other's files."""
    found = []
    for name in ("onnxruntime", "onnxruntime-gpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return found


def available_providers() -> list[str]:
    """Providers this ONNX Runtime was built with (which does not mean that they work here)."""
    return list(ort.get_available_providers())


def _json(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as exc:
        raise BundleError(f"{what} cannot be read as JSON ({exc}); export the bundle again.") from None
    if not isinstance(found, dict):
        raise BundleError(f"{what} must be an object; got {text[:40]}; export the bundle again.")
    return found
