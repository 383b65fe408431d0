"""What each stage of a window costs, at the stream's own pace: caches are as cold as they are live."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from rt_handdt.core.decoder import Decoder
from rt_handdt.core.features import FeatureBank
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.runtime.percentiles import percentiles_ms

T = TypeVar("T")
Costs = dict[str, dict[str, float | None]]
#: Windows at the beginning that do not count.
WARM_UP = 8


def stage_costs(recognizer: Recognizer, samples: Float32, seconds: float) -> Costs:
    """Percentiles in ms of each stage of a window, and of all that lies before its decision.

    ``filter`` and ``features`` are the bare loops of a hop; ``preprocessing`` holds both, with repair and what it takes
    to cut the stream into windows. ``learning`` and ``quality`` come after the decision.

    Parameters
    ----------
    recognizer
        The model.
    samples
        (n, n_channels) µV, repeated as long as it takes.
    seconds
        How long to measure.
    """
    took: dict[str, list[float]] = defaultdict(list)
    spec = recognizer.bundle.spec
    _loops(spec, samples, 0.3 * seconds, took)
    _chain(recognizer, samples, 0.7 * seconds, took)
    return {name: percentiles_ms(times[WARM_UP:]) for name, times in took.items()}


def _loops(spec: PipelineSpec, samples: Float32, seconds: float, took: dict[str, list[float]]) -> None:
    causal, bank = CausalFilter(design(spec)), FeatureBank(spec)
    filled = 0
    for hop in _paced(spec, samples, seconds):
        filtered = _timed(took["filter"], lambda hop=hop: causal.push(hop))  # type: ignore[misc]
        filled += len(hop)

        def features(x: Any = filtered, full: bool = filled >= spec.window_samples) -> None:
            bank.push(x)
            if full:
                bank.window()

        _timed(took["features"], features)


def _chain(recognizer: Recognizer, samples: Float32, seconds: float, took: dict[str, list[float]]) -> None:
    bundle = recognizer.bundle
    spec = bundle.spec
    asked: list[float] = []

    class Timed:
        """The recognizer, with a watch on its network."""

        def __getattr__(self, name: str) -> Any:
            return getattr(recognizer, name)

        def predict(self, maps: Float32) -> Any:
            return _timed(asked, lambda: recognizer.predict(maps))

        def predict_batch(self, maps: Float32) -> Any:
            return _timed(asked, lambda: recognizer.predict_batch(maps))

    reader = StreamRecognizer(Timed())  # type: ignore[arg-type]
    preprocessor = Preprocessor(spec)
    decoder = Decoder(bundle.manifest.decoder, bundle.gestures, spec.hop_samples / spec.fs_hz)
    for hop in _paced(spec, samples, seconds):
        before: list[float] = []
        for frame in _timed(before, lambda hop=hop: preprocessor.push(hop)):  # type: ignore[misc]
            asked.clear()
            judged: list[float] = []
            posterior = _timed(judged, lambda frame=frame: reader.judge(frame.maps))  # type: ignore[misc]
            network = sum(asked)
            _timed(took["decode"], lambda f=frame, p=posterior: decoder.step(p, f.rms_uv, f.index, 0.0))  # type: ignore[misc]
            took["preprocessing"] += before
            took["network"].append(network)
            took["adaptation"].append(judged[0] - network)
            took["whole"].append(before[0] + judged[0] + took["decode"][-1])
            _timed(took["learning"], reader.learn)
            _timed(took["quality"], preprocessor.settle)


def _paced(spec: PipelineSpec, samples: Float32, seconds: float) -> Iterator[Float32]:
    """The samples hop by hop, each when it would have come."""
    n, began = spec.hop_samples, time.perf_counter()
    for k in range(int(seconds * spec.fs_hz) // n):
        time.sleep(max(0.0, began + (k + 1) * n / spec.fs_hz - time.perf_counter()))
        at = (k * n) % (len(samples) - n)
        yield samples[at : at + n]


def _timed(into: list[float], work: Callable[[], T]) -> T:
    began = time.perf_counter()
    found = work()
    into.append(time.perf_counter() - began)
    return found
