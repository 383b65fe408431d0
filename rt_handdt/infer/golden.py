"""Whether a bundle does on this computer what it did where it was made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rt_handdt.core.feature import Ssc, Zc
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.infer.recognizer import Recognizer

#: A step that equals the threshold, or a product that is 0, to the last bit is counted by one processor and not by
#: another: 134 slope sign changes became 135. So counts may differ by this much …
COUNTS = 2.0
#: … in this share of them.
FEW = 1e-3


def golden_faults(recognizer: Recognizer) -> list[str]:
    """Replay a bundle's golden vectors: signal → frames, and stored frames → probabilities and latents.

    The network is judged on the stored frames, since a single count more or less, which is allowed, may move a
    probability by a thousandth.

    Returns
    -------
    list of str
        What does not come out as stored, a sentence each; empty if all does.
    """
    golden, spec = recognizer.bundle.golden(), recognizer.bundle.spec
    frames = Preprocessor(spec).push(golden["signal"])
    if [frame.index for frame in frames] != golden["indices"].tolist():
        return [f"The signal's windows end elsewhere: {len(frames)} came, {len(golden['indices'])} are stored."]
    faults = _feature_faults(np.stack([frame.maps for frame in frames]), golden["frames"], spec)
    for name, found, rtol, atol in zip(
        ("probabilities", "latents"), recognizer.predict_batch(golden["frames"]), (0.0, 1e-3), (1e-4, 1e-3), strict=True
    ):
        if not np.allclose(found, golden[name], rtol=rtol, atol=atol):
            faults.append(f"The network's {name} are off by up to {_most(found, golden[name]):.2g}.")
    return faults


def _feature_faults(found: npt.NDArray[np.float32], stored: npt.NDArray[np.float32], spec: PipelineSpec) -> list[str]:
    faults, row = [], 0
    for feature in spec.features:
        rows = slice(row, row := row + feature.n_maps)
        here, there = found[:, rows], stored[:, rows]
        if isinstance(feature, Zc | Ssc):
            off = np.abs(here - there)
            if isinstance(feature, Zc):
                # The filters' first sample is 0 but for rounding: whether it crosses to the second is anybody's guess.
                off[0] = np.maximum(off[0] - 1.0, 0.0)
            if not off.max() <= COUNTS or np.count_nonzero(off) > max(1.0, FEW * off.size):
                faults.append(
                    f"The counts '{feature.label}' differ in {np.count_nonzero(off)} of {off.size} cells, by up to "
                    f"{off.max():g}."
                )
        elif not np.allclose(here, there, rtol=1e-4, atol=1e-3):
            faults.append(f"The feature '{feature.label}' is off by up to {_most(here, there):.2g}.")
    return faults


def _most(found: npt.NDArray[np.float32], stored: npt.NDArray[np.float32]) -> float:
    return float(np.abs(found - stored).max())
