"""Checkpoints: all that a run needs to go on as if it had not been stopped, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from offline.config.foundation import TrainingConfig
from offline.config.method import MethodConfig
from offline.models.own_classes import own_digest
from offline.util import written
from rt_handdt.core.types import Float32
from rt_handdt.errors import HanddtError

FORMAT = "rt-handdt.checkpoint/1"
#: May differ between a run and its continuation: they say what it writes, not what it computes.
FREE = ("checkpoint_every", "tensorboard")
_HASHED_ROWS = 512


def fingerprint(config: TrainingConfig, about: Any, arrays: Sequence[np.ndarray], maps: Sequence[Float32]) -> str:
    """SHA-256 of settings and data, by which a checkpoint knows its own run.

    Parameters
    ----------
    about
        What else the data are, as JSON takes it.
    arrays
        Hashed whole: labels and the like.
    maps
        (N, F, H, W) each, of which up to 512 evenly spread samples are hashed.
    """
    settings = config.portable()
    for name in FREE:
        settings.pop(name, None)
    if settings["optimiser"]["schedule"] == "steps":  # the same whatever the end
        del settings["optimiser"]["epochs"]
    if isinstance(config, MethodConfig):
        settings["network"]["decoder_slope"] = config.network.slope  # said or by default, it is the same
    digest = hashlib.sha256(json.dumps([settings, about, own_digest(config.own)], sort_keys=True).encode())
    for values in arrays:
        digest.update(np.ascontiguousarray(values).tobytes())
    for samples in maps:
        rows = np.unique(np.linspace(0, len(samples) - 1, _HASHED_ROWS).astype(np.int64))
        for row in rows[: len(samples)]:
            digest.update(np.ascontiguousarray(samples[row]).tobytes())
    return digest.hexdigest()


def save_torch(path: Path, content: dict[str, Any]) -> None:
    """Write beside `path`, then rename, so that a kill or a full disk leaves the old file whole.

    Raises
    ------
    HanddtError
        If it cannot be written.
    """
    with written(path) as part, part.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())


def load_torch(path: Path, wanted: str, what: str) -> dict[str, Any]:
    """Read what `save_torch` wrote; tensors and plain values only, never code.

    Raises
    ------
    HanddtError
        If the file is damaged or of another kind or version.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise HanddtError(f"{path}: there is no such {what}; check the path.") from None
    except Exception as exc:  # torch raises whatever its reader does: zip, pickle, key and runtime errors
        raise HanddtError(f"{path}: is no readable {what} ({type(exc).__name__}); delete it and train again.") from None
    if not isinstance(content, dict) or content.get("format") != wanted:
        came = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise HanddtError(f"{path}: a {what} of format '{wanted}' is needed; got {came!r}; train again.")
    return content


def numpy_state(rng: np.random.Generator) -> str:
    """State of a generator, as text."""
    return json.dumps(rng.bit_generator.state, default=lambda value: value.tolist())


def set_numpy_state(rng: np.random.Generator, state: str) -> None:
    """Put a generator where `numpy_state` found it."""
    found = json.loads(state)
    inner = found["state"]
    if isinstance(inner.get("state"), list):
        inner["state"] = np.array(inner["state"], np.uint64)
    rng.bit_generator.state = found
