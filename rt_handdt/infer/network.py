"""A network in ONNX Runtime: one window over buffers bound once, or many at once."""

from __future__ import annotations

import contextlib
import io
import threading
from typing import Any, Literal

import numpy as np
import onnxruntime as ort

from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
Device = Literal["cpu", "cuda"]
#: The recognizer's input, and its outputs in order.
INPUT, OUTPUTS = "features", ("probabilities", "latent")

#: Windows in one go: what lies between the layers must fit the card's memory.
MOST = 16384


class CardError(ConfigError):
    """The card was asked for and cannot be used."""


class Network:
    """`recognizer.onnx` on one device. Any thread may call it.

    Parameters
    ----------
    session
        Of `open_session`, for many windows, and for one where there is no `graph`.
    device
        Where it is: ``"cpu"`` or ``"cuda"``.
    frame_shape
        (F, H, W) of a window.
    graph
        A session for one window that plays it as a CUDA graph.

    Attributes
    ----------
    provider
        The execution provider in use.
    graphed
        Whether one window is a CUDA graph: one launch instead of one for each node.
    """

    def __init__(self, session: Any, device: Device, frame_shape: tuple[int, ...], graph: Any = None) -> None:
        self._lock = threading.Lock()  # the bound buffers are one for all
        self._session = session
        self.provider = str(session.get_providers()[0])
        self.graphed = graph is not None
        self._bound = _Bound(session if graph is None else graph, device, np.zeros((1, *frame_shape), np.float32))

    @classmethod
    def on_card(cls, model: bytes, frame_shape: tuple[int, ...]) -> Network:
        """On the card, one window as a CUDA graph where that can be.

        Raises
        ------
        CardError
            If the card does not work here.
        """
        session = open_session(model, "cuda")
        frame = np.zeros((1, *frame_shape), np.float32)
        try:  # a graph holds one shape, so it has a session of its own
            one = cls(session, "cuda", frame_shape, open_session(model, "cuda", graph=True))
            for _ in range(3):  # caught in the first runs, played from then on
                one.one(frame)
            return one
        except Exception:  # an operator that no graph can hold, an older card
            return cls(session, "cuda", frame_shape)

    def one(self, maps: Float32) -> tuple[Float32, Float32]:
        """Probabilities (1, K) and latent (1, D) of one window (1, F, H, W)."""
        with self._lock:
            return self._bound.run(maps)

    def many(self, maps: Float32) -> tuple[Float32, Float32]:
        """Probabilities (N, K) and latents (N, D) of windows (N, F, H, W)."""
        starts = range(0, max(len(maps), 1), MOST)
        parts = [self._session.run(list(OUTPUTS), {INPUT: maps[k : k + MOST]}) for k in starts]
        probabilities, latents = (np.concatenate(one) for one in zip(*parts, strict=True))
        return probabilities, latents


class _Bound:
    """A session with its input and outputs in place, for windows one at a time."""

    def __init__(self, session: Any, device: Device, frame: Float32) -> None:
        self._session, self._binding = session, session.io_binding()
        self._on_card = device == "cuda"
        self._frame = frame.copy()
        widths = {output.name: output.shape[1] for output in session.get_outputs()}
        self._results = [np.zeros((1, widths[name]), np.float32) for name in OUTPUTS]
        where = ("cuda", 0) if self._on_card else ()  # on the CPU they share numpy's memory
        self._input = ort.OrtValue.ortvalue_from_numpy(self._frame, *where)
        self._outputs = [ort.OrtValue.ortvalue_from_numpy(array, *where) for array in self._results]
        self._binding.bind_ortvalue_input(INPUT, self._input)
        for name, value in zip(OUTPUTS, self._outputs, strict=True):
            self._binding.bind_ortvalue_output(name, value)

    def run(self, maps: Float32) -> tuple[Float32, Float32]:
        """Of one window (1, F, H, W)."""
        if self._on_card:
            self._input.update_inplace(maps)
            self._session.run_with_iobinding(self._binding)
            probabilities, latent = (np.array(value.numpy()) for value in self._outputs)
        else:
            self._frame[:] = maps
            self._session.run_with_iobinding(self._binding)
            probabilities, latent = (array.copy() for array in self._results)
        return probabilities, latent


def open_session(model: bytes, device: Device, *, graph: bool = False) -> Any:
    """ONNX Runtime's session of a model, on the device that is asked for and no other.

    Raises
    ------
    CardError
        If that is ``"cuda"`` and does not work here.
    """
    options = ort.SessionOptions()
    # One window at a time: more threads cost more in hand-over than they win, and take cores from the display.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what does not work is said by us, once, not by each session
    if device == "cpu":
        return ort.InferenceSession(model, options, providers=[CPU])
    if CUDA not in ort.get_available_providers():
        raise CardError(
            "The card cannot be used (this ONNX Runtime is built without CUDA): install rt-handdt[gpu] instead of "
            "[cpu], or use the provider 'cpu'; 'rt-handdt doctor' says more."
        )
    said = load_libraries()
    # TF32 would round to 10 bits: card and processor shall say the same.
    settings = {"use_tf32": "0", "enable_cuda_graph": str(int(graph))}
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # what fails is printed, and told by us
            session = ort.InferenceSession(model, options, providers=[(CUDA, settings), CPU])
    except Exception as exc:
        raise _cannot(str(exc)) from None
    if session.get_providers()[0] != CUDA:
        raise _cannot(said or "no NVIDIA driver answers, or its CUDA libraries cannot be loaded")
    return session


def load_libraries() -> str:
    """Load the CUDA and cuDNN libraries that came with the extra ``gpu``; what went wrong, in ONNX Runtime's words."""
    preload = getattr(ort, "preload_dlls", None)  # since 1.21
    if preload is None:
        return ""
    heard = io.StringIO()
    try:
        with contextlib.redirect_stdout(heard):  # it prints what it cannot load
            preload()
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"
    return heard.getvalue().strip()


def _cannot(why: str) -> CardError:
    short = why.strip().split("\n", 1)[0][:200].rstrip(".")
    return CardError(f"The card cannot be used ({short}); 'rt-handdt doctor' says more, or use the provider 'cpu'.")
