"""The contract of a calibration on real people: nobody is a point worse off than with plain LDA on the same windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from offline.evaluate.frames import labelled_frames
from offline.evaluate.lda_baseline import LdaBaseline
from rt_handdt.core.calibration import CalibrationSettings
from rt_handdt.core.labelled import labelled_windows
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.population import Population
from rt_handdt.core.recording import Recording
from rt_handdt.core.repetitions import first_repetitions, settled
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.infer.calibrated import CalibratedStream
from rt_handdt.io.xdf import read_xdf

FEATURES = ("rms", "wl", "zc", "ssc", "rms_around", "wl_around")


@pytest.mark.parametrize("subject", ["04", "10"])  # the best and the worst of them with LDA
@pytest.mark.parametrize("whole", [False, True])
def test_nobody_is_worse_off_than_with_lda(shared_data: Path, subject: str, whole: bool) -> None:
    """With a network that knows nothing: what the repetitions and the stream alone are good for."""
    folder = shared_data / "3dc"
    layout = ElectrodeLayout.from_toml(folder / "ring10.toml")
    spec = PipelineSpec.parse(
        {"fs_hz": 1000.0, "layout": layout, "band_hz": (20.0, 450.0), "hop_s": 0.05, "features": FEATURES}, what="test"
    )
    given, tested = (settled(read_xdf(folder / f"3dc_sub{subject}_ses1_{half}.xdf"), 0.5) for half in ("train", "test"))
    labels = sorted({segment.label for segment in given.segments()})
    own: Sequence[Recording] = [given] if whole else first_repetitions([given], 1, labels).first

    def nothing(maps: Float32) -> tuple[Float32, Float32]:
        flat = np.full((len(maps), len(labels)), 1 / len(labels), np.float32)
        return flat, np.zeros((len(maps), 4), np.float32)

    stream, report = CalibratedStream.fit(
        labelled_windows(own, spec, labels, 0.0),
        Population.plain(spec, 4),
        CalibrationSettings(),
        nothing,
        None,
        labels,
        layout.occupied,
    )
    assert report.repetitions == (4 if whole else 1)
    frames = labelled_frames([tested], spec, labels)
    lda = LdaBaseline.fit(labelled_frames(own, spec, labels), spec, range(len(FEATURES))).predict(frames.maps)
    found = []
    for maps in frames.maps:
        found.append(int(stream.judge(maps).probabilities.argmax()))
        stream.learn()
    rows = frames.counted
    right = float((np.array(found)[rows] == frames.label[rows]).mean())
    assert right >= float((lda[rows] == frames.label[rows]).mean()) - 0.01
