"""What goes wrong between skin and computer, as functions of clean samples: whole signals, and single electrodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal

from rt_handdt.core.types import Float64

#: (samples (n, C) in µV, rate in Hz, generator) → the same, faulty
Fault = Callable[[Float64, float, np.random.Generator], Float64]


def _tone(hz: float, size_uv: float, *, alike: bool = True) -> Fault:
    def fault(x: Float64, fs_hz: float, rng: np.random.Generator) -> Float64:
        t = np.arange(len(x))[:, None] / fs_hz
        n = x.shape[1]
        gain, phase = (np.ones(n), np.zeros(n)) if alike else (np.exp(rng.normal(0, 0.5, n)), rng.normal(0, 0.5, n))
        return x + size_uv * gain * np.sin(2 * np.pi * hz * t + phase)

    return fault


def _noise(size_uv: float, *, alike: bool = False, band_hz: tuple[float, float] | None = None) -> Fault:
    def fault(x: Float64, fs_hz: float, rng: np.random.Generator) -> Float64:
        shape = (len(x), 1 if alike else x.shape[1])
        noise = rng.normal(size=shape)
        if band_hz is not None:
            sections = signal.butter(2, band_hz, btype="bandpass", fs=fs_hz, output="sos")
            noise = signal.sosfilt(sections, noise, axis=0)
            noise /= noise.std()
        return np.broadcast_to(x[:1] + size_uv * noise, x.shape).copy()

    return fault


def _frozen(seconds: float) -> Fault:
    def fault(x: Float64, fs_hz: float, rng: np.random.Generator) -> Float64:
        length = max(1, round(seconds * fs_hz))
        return np.resize(x[:length], x.shape)

    return fault


def _half_flat(x: Float64, fs_hz: float, rng: np.random.Generator) -> Float64:
    out = x.copy()
    out[:, : x.shape[1] // 2] = 0.0
    return out


def _rails(x: Float64, fs_hz: float, rng: np.random.Generator) -> Float64:
    return np.broadcast_to(5e3 * rng.choice([-1.0, 1.0], x.shape[1]), x.shape).copy()


def _clipped(x: Float64, fs_hz: float, rng: np.random.Generator) -> Float64:
    return np.clip(_tone(50.0, 5e4, alike=False)(x, fs_hz, rng), -5e3, 5e3)


def _random_rails(x: Float64, fs_hz: float, rng: np.random.Generator) -> Float64:
    return 5e3 * rng.choice([-1.0, 1.0], x.shape)


def _steps(size_uv: float) -> Fault:
    def fault(x: Float64, fs_hz: float, rng: np.random.Generator) -> Float64:
        steps = np.arange(len(x)) // round(0.5 * fs_hz) % 2
        return x + size_uv * (1.0 - steps)[:, None]

    return fault


def _garbage(size_uv: float) -> Fault:
    return lambda x, fs_hz, rng: size_uv * rng.uniform(-1, 1, x.shape)


def _value(value: float) -> Fault:
    return lambda x, fs_hz, rng: np.full(x.shape, value)


#: What is no EMG, or none to decide by.
WHOLE: dict[str, Fault] = {
    "1 mV of 50 Hz": _tone(50.0, 1e3),
    "1 mV of 50.5 Hz": _tone(50.5, 1e3),
    "1 mV of 60 Hz": _tone(60.0, 1e3),
    "1 mV of 150 Hz": _tone(150.0, 1e3),
    "1 mV of 50.5 Hz, unlike": _tone(50.5, 1e3, alike=False),
    "100 µV of 150 Hz": _tone(150.0, 100.0),
    "block of 31 ms repeated": _frozen(1 / 32),
    "block of 0.25 s repeated": _frozen(0.25),
    "block of 1 s repeated": _frozen(1.0),
    "noise, 20 µV": _noise(20.0),
    "noise, 100 µV": _noise(100.0),
    "noise, 1 mV": _noise(1e3),
    "noise of EMG's band, 100 µV": _noise(100.0, band_hz=(30.0, 150.0)),
    "one noise on all, 100 µV": _noise(100.0, alike=True),
    "one noise of EMG's band on all, 100 µV": _noise(100.0, alike=True, band_hz=(30.0, 150.0)),
    "half flat": _half_flat,
    "all at a rail": _rails,
    "all clipped": _clipped,
    "all from rail to rail": _random_rails,
    "steps of 0.2 mV": _steps(200.0),
    "steps of 5 mV": _steps(5e3),
    "steps of 100 mV": _steps(1e5),
    "garbage up to 10^4 µV": _garbage(1e4),
    "garbage up to 10^9 µV": _garbage(1e9),
    "NaN": _value(np.nan),
    "3e38": _value(3e38),
}

#: What single electrodes do; given their own columns.
SINGLE: dict[str, Fault] = {
    "flat": _value(0.0),
    "missing": _value(np.nan),
    "noise × 20": lambda x, fs_hz, rng: x + 20.0 * rng.normal(size=x.shape) * (x - x.mean(axis=0)).std(axis=0),
    "noise of 100 µV": lambda x, fs_hz, rng: x + rng.normal(0.0, 100.0, x.shape),
    "gain × 20": lambda x, fs_hz, rng: 20.0 * x,
    "1 mV of 50 Hz": _tone(50.0, 1e3),
    "1 mV of 50.5 Hz": _tone(50.5, 1e3),
    "1 mV of 150 Hz, unlike": _tone(150.0, 1e3, alike=False),
    "at a rail": _rails,
    "clipped": _clipped,
    "switched off": lambda x, fs_hz, rng: rng.normal(0.0, 0.5, x.shape),
    "open input": lambda x, fs_hz, rng: rng.normal(0.0, 5.0, x.shape),
}
