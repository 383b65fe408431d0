"""Runs a bundle's networks. The only module that imports onnxruntime."""

from __future__ import annotations

import contextlib
import importlib.metadata
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from rt_handdt.core.bundle import METADATA_KEY, Bundle
from rt_handdt.core.types import Float32, Posterior
from rt_handdt.errors import BundleError, ConfigError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
Provider = Literal["auto", "cpu", "cuda"]


class Recognizer:
    """Pattern encoder and classifier, ready to answer.

    Parameters
    ----------
    bundle
        A verified bundle.
    provider
        ``"cpu"``, ``"cuda"`` (an error if it cannot be had), or ``"auto"``: CUDA if it really works, else CPU.

    Attributes
    ----------
    provider
        The execution provider in use, as the session reports it (asking for CUDA does not mean to get it).

    Raises
    ------
    BundleError
        If the network and the manifest disagree.
    ConfigError
        If ``"cuda"`` was asked for and is not available.
    """

    def __init__(self, bundle: Bundle, provider: Provider = "auto") -> None:
        self.bundle = bundle
        self._session = _session(bundle.file("recognizer.onnx"), provider)
        self._explainer = _session(bundle.file("explainer.onnx"), "cpu")
        self.provider: str = self._session.get_providers()[0]
        self._check()
        self.warm_up()

    def _check(self) -> None:
        manifest = self.bundle.manifest
        said = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if said != manifest.identity_json():
            raise BundleError(
                f"{self.bundle.path}: recognizer.onnx was exported with another manifest; export the bundle again."
            )
        wanted = {
            "features": ("input", list(manifest.spec.frame_shape)),
            "probabilities": ("output", [len(manifest.gestures)]),
            "latent": ("output", [manifest.latent_size]),
        }
        found = {io.name: ("input", list(io.shape[1:])) for io in self._session.get_inputs()}
        found |= {io.name: ("output", list(io.shape[1:])) for io in self._session.get_outputs()}
        if found != wanted:
            raise BundleError(
                f"{self.bundle.path}: recognizer.onnx must have {wanted}, but has {found}; export it again."
            )

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
        probabilities, latents = self._session.run(["probabilities", "latent"], {"features": array})
        return np.asarray(probabilities), np.asarray(latents)

    def explain(self, latent: npt.ArrayLike) -> Float32:
        """Pattern component of a latent (D,): what the decoder paints of the gesture alone, (F, H, W), standardised."""
        array = np.ascontiguousarray(latent, dtype=np.float32)[None]
        return np.asarray(self._explainer.run(["pattern_map"], {"latent": array})[0][0])


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


def _session(model: bytes, provider: Provider) -> Any:
    options = ort.SessionOptions()
    # One window at a time: more threads cost more in hand-over than they win, and take cores from the display.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # "no CUDA here" is said by us, once, not by each session
    wanted = [CPU] if provider == "cpu" or CUDA not in ort.get_available_providers() else [CUDA, CPU]
    session = ort.InferenceSession(model, options, providers=wanted)
    if provider == "cuda" and session.get_providers()[0] != CUDA:
        raise ConfigError(
            "The provider 'cuda' was asked for, but ONNX Runtime cannot use it here; "
            "install rt-handdt[gpu] and the NVIDIA driver (see 'rt-handdt doctor'), or use 'cpu'."
        )
    return session
