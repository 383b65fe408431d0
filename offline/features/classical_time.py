"""Classical features in the time domain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from offline.features.classical_registry import feature
from offline.features.signals import TINY, Signal

Array = npt.NDArray[np.floating]
#: Amplitudes that count as activity: the noise of a good electrode is 3 to 6 µV RMS.
THRESHOLD_UV = 10.0


@feature("time", "mav")
def mean_absolute_value(s: Signal) -> Array:
    """Mean absolute value, µV: Σ|x_i| / n (Hudgins et al. 1993)."""
    return np.asarray(np.abs(s.x).mean(axis=0))


@feature("time", "mav1")
def modified_mav_1(s: Signal) -> Array:
    """Modified mean absolute value, µV: as MAV, the first and last quarter weighted by ½."""
    at = np.arange(1, len(s.x) + 1) / len(s.x)
    weight = np.where((at >= 0.25) & (at <= 0.75), 1.0, 0.5).astype(np.float32)
    return weight @ np.abs(s.x) / np.float32(len(s.x))


@feature("time", "mav2")
def modified_mav_2(s: Signal) -> Array:
    """Modified mean absolute value, µV: as MAV, weights rise over the first quarter and fall over the last."""
    at = np.arange(1, len(s.x) + 1) / len(s.x)
    weight = np.clip(np.minimum(4 * at, 4 * (1 - at)), 0.0, 1.0).astype(np.float32)
    return weight @ np.abs(s.x) / np.float32(len(s.x))


@feature("time", "iemg")
def integrated_emg(s: Signal) -> Array:
    """Integrated EMG, µV: Σ|x_i|."""
    return np.asarray(np.abs(s.x).sum(axis=0))


@feature("time", "ssi")
def simple_square_integral(s: Signal) -> Array:
    """Simple square integral, µV²: Σx_i²."""
    return np.asarray(np.square(s.x).sum(axis=0))


@feature("time", "var")
def variance(s: Signal) -> Array:
    """Variance, µV²: Σx_i² / (n − 1), EMG having no mean."""
    return np.asarray(np.square(s.x).sum(axis=0) / max(len(s.x) - 1, 1))


@feature("time", "log")
def log_detector(s: Signal) -> Array:
    """Log detector, µV: exp(Σ ln|x_i| / n)."""
    return np.asarray(np.exp(np.log(np.abs(s.x) + np.float32(1e-3)).mean(axis=0)))


@feature("time", "v3")
def v_order(s: Signal) -> Array:
    """V-order of order 3, µV: (Σ|x_i|³ / n)^(1/3)."""
    return np.asarray(np.cbrt(np.abs(s.x * s.x * s.x).mean(axis=0)))


@feature("time", "tm3")
def temporal_moment_3(s: Signal) -> Array:
    """Absolute temporal moment of order 3, µV³: |Σx_i³ / n|."""
    return np.asarray(np.abs((s.x * s.x * s.x).mean(axis=0)))


@feature("time", "aac")
def average_amplitude_change(s: Signal) -> Array:
    """Average amplitude change, µV: Σ|x_{i+1} − x_i| / n."""
    return np.asarray(np.abs(s.step).sum(axis=0) / len(s.x))


@feature("time", "dasdv")
def difference_deviation(s: Signal) -> Array:
    """Difference absolute standard deviation value, µV: sqrt(Σ(x_{i+1} − x_i)² / (n − 1))."""
    return np.asarray(np.sqrt(np.square(s.step).mean(axis=0)))


@feature("time", "wamp")
def willison_amplitude(s: Signal) -> Array:
    """Willison amplitude, count: steps |x_{i+1} − x_i| of 10 µV or more (Willison 1963)."""
    return np.asarray((np.abs(s.step) >= THRESHOLD_UV).sum(axis=0))


@feature("time", "myop")
def myopulse_rate(s: Signal) -> Array:
    """Myopulse percentage rate, 0..1: share of samples with |x_i| ≥ 10 µV."""
    return np.asarray((np.abs(s.x) >= THRESHOLD_UV).mean(axis=0))


@feature("time", "skewness")
def skewness(s: Signal) -> Array:
    """Skewness: m_3 / m_2^1.5, m_k the k-th central moment."""
    return np.asarray((s.standard * np.square(s.standard)).mean(axis=0))


@feature("time", "kurtosis")
def kurtosis(s: Signal) -> Array:
    """Excess kurtosis: m_4 / m_2² − 3; about 1 in surface EMG, 0 in Gaussian noise."""
    return np.asarray(np.square(np.square(s.standard)).mean(axis=0) - 3.0)


@feature("time", "peak")
def peak(s: Signal) -> Array:
    """Peak, µV: max|x_i|."""
    return np.asarray(np.abs(s.x).max(axis=0))


@feature("time", "crest")
def crest_factor(s: Signal) -> Array:
    """Crest factor: max|x_i| / RMS."""
    return np.asarray(peak(s) / (s.time_domain[0] + TINY))


@feature("time", "iqr")
def interquartile_range(s: Signal) -> Array:
    """Interquartile range, µV: upper less lower quartile of the samples."""
    low, high = np.percentile(s.x, [25, 75], axis=0)
    return np.asarray(high - low)


@feature("time", "mad")
def mean_absolute_deviation(s: Signal) -> Array:
    """Mean absolute deviation, µV: Σ|x_i − mean| / n."""
    return np.asarray(np.abs(s.x - s.x.mean(axis=0)).mean(axis=0))


@feature("time", "hjorth_activity")
def hjorth_activity(s: Signal) -> Array:
    """Hjorth activity, µV²: variance of x (Hjorth 1970)."""
    return np.asarray(s.x.var(axis=0, dtype=np.float64))


@feature("time", "hjorth_mobility")
def hjorth_mobility(s: Signal) -> Array:
    """Hjorth mobility: sqrt(var(x') / var(x)), x' the first differences (Hjorth 1970)."""
    return np.asarray(np.sqrt(s.step.var(axis=0, dtype=np.float64) / (hjorth_activity(s) + TINY)))


@feature("time", "hjorth_complexity")
def hjorth_complexity(s: Signal) -> Array:
    """Hjorth complexity: mobility of x' over mobility of x (Hjorth 1970)."""
    second = np.diff(s.step, axis=0).var(axis=0, dtype=np.float64)
    of_step = np.sqrt(second / (s.step.var(axis=0, dtype=np.float64) + TINY))
    return np.asarray(of_step / (hjorth_mobility(s) + TINY))
