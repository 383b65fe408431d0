"""Processor or card: which of the two answers faster here."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import onnxruntime as ort

from rt_handdt.errors import ConfigError
from rt_handdt.infer.network import CUDA, CardError, Network

Provider = Literal["auto", "cpu", "cuda"]
#: Runs of one window that are timed on each.
RUNS = 30
#: Most that the card's probabilities may differ from the processor's.
AGREES = 1e-3


@dataclass(frozen=True)
class Choice:
    """Which network takes what, and why.

    Attributes
    ----------
    live
        For one window at a time.
    batch
        For many at once.
    sentence
        Says which and why.
    cpu_ms, card_ms
        Of one window, where it was measured.
    """

    live: Network
    batch: Network
    sentence: str
    cpu_ms: float | None = None
    card_ms: float | None = None


def choose(model: bytes, session: Any, provider: Provider, frame_shape: tuple[int, ...]) -> Choice:
    """Take the device that was asked for, or (``"auto"``) the fastest one.

    Parameters
    ----------
    model
        The file's content.
    session
        The same, opened on the CPU.
    provider
        What was asked for.
    frame_shape
        (F, H, W) of a window.

    Raises
    ------
    ConfigError
        If the provider is none of these, or is ``"cuda"`` and does not work here.
    """
    if provider not in get_args(Provider):
        raise ConfigError(f"--provider: must be one of {', '.join(get_args(Provider))}; got '{provider}'.")
    if provider == "cuda":
        card = Network.on_card(model, frame_shape)
        return Choice(card, card, "The network runs on the card, as was asked for.")
    cpu = Network(session, "cpu", frame_shape)
    if provider == "cpu":
        return Choice(cpu, cpu, "The network runs on the processor, as was asked for.")
    if CUDA not in ort.get_available_providers():
        return Choice(cpu, cpu, "The network runs on the processor: this ONNX Runtime knows no card.")
    try:
        card = Network.on_card(model, frame_shape)
        frame = np.ones((1, *frame_shape), np.float32)
        off = float(np.abs(card.one(frame)[0] - cpu.one(frame)[0]).max())
        cpu_ms, card_ms = window_ms(cpu, frame), window_ms(card, frame)
    except CardError as exc:
        return Choice(cpu, cpu, f"The network runs on the processor. {exc}")
    except Exception as exc:  # a card that breaks when it is used must not end a run that the processor can do
        said = str(exc).strip().split("\n", 1)[0][:200]
        return Choice(cpu, cpu, f"The network runs on the processor: the card failed ({type(exc).__name__}: {said}).")
    if not off <= AGREES:
        sentence = f"The network runs on the processor: the card's probabilities are off by {off:.2g}."
        return Choice(cpu, cpu, sentence, cpu_ms, card_ms)
    times = f"one window takes {cpu_ms:.3f} ms on the processor, {card_ms:.3f} ms on the card"
    if card_ms < cpu_ms:
        return Choice(card, card, f"The network runs on the card: {times}.", cpu_ms, card_ms)
    sentence = f"The network runs on the processor ({times}); many windows at once go to the card."
    return Choice(cpu, card, sentence, cpu_ms, card_ms)


def window_ms(network: Network, frame: np.ndarray, runs: int = RUNS) -> float:
    """Median time of one window (1, F, H, W), in ms, once it is warm."""
    for _ in range(5):
        network.one(frame)
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        network.one(frame)
        took.append(time.perf_counter() - began)
    return 1e3 * statistics.median(took)
