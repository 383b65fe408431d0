"""Classical features of the spectrum and of autoregressive models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from offline.features.classical_registry import feature
from offline.features.signals import TINY, Signal

Array = npt.NDArray[np.floating]
#: Where low and high frequencies of surface EMG part, for the frequency ratio, Hz.
LOW_HZ, HIGH_HZ = (20.0, 100.0), (100.0, 500.0)
ORDER = 6


@feature("frequency", "ttp")
def total_power(s: Signal) -> Array:
    """Total power, µV²: ΣP_k."""
    return np.asarray(s.power.sum(axis=0))


@feature("frequency", "mnp")
def mean_power(s: Signal) -> Array:
    """Mean power, µV²: ΣP_k / M over M lines."""
    return np.asarray(s.power.mean(axis=0))


@feature("frequency", "mnf")
def mean_frequency(s: Signal) -> Array:
    """Mean frequency, Hz: Σf_k P_k / ΣP_k."""
    return s.frequencies_hz @ s.power / (total_power(s) + TINY)


@feature("frequency", "mdf")
def median_frequency(s: Signal) -> Array:
    """Median frequency, Hz: the first f_k at which ΣP reaches half of its total."""
    return _quantile(s, 0.5)


@feature("frequency", "sef95")
def spectral_edge(s: Signal) -> Array:
    """Spectral edge, Hz: the first f_k below which 95 % of the power lies."""
    return _quantile(s, 0.95)


@feature("frequency", "pkf")
def peak_frequency(s: Signal) -> Array:
    """Peak frequency, Hz: f_k of the largest P_k."""
    return np.asarray(s.frequencies_hz[s.power.argmax(axis=0)])


@feature("frequency", "sm1")
def spectral_moment_1(s: Signal) -> Array:
    """Spectral moment of order 1, µV²·Hz: ΣP_k f_k."""
    return s.frequencies_hz @ s.power


@feature("frequency", "sm2")
def spectral_moment_2(s: Signal) -> Array:
    """Spectral moment of order 2, µV²·Hz²: ΣP_k f_k²."""
    return s.frequencies_hz**2 @ s.power


@feature("frequency", "sm3")
def spectral_moment_3(s: Signal) -> Array:
    """Spectral moment of order 3, µV²·Hz³: ΣP_k f_k³."""
    return s.frequencies_hz**3 @ s.power


@feature("frequency", "vcf")
def variance_of_central_frequency(s: Signal) -> Array:
    """Variance of central frequency, Hz²: SM2/SM0 − (SM1/SM0)²."""
    total = total_power(s) + TINY
    return np.asarray(spectral_moment_2(s) / total - (spectral_moment_1(s) / total) ** 2)


@feature("frequency", "fr")
def frequency_ratio(s: Signal) -> Array:
    """Frequency ratio: power of 20..100 Hz over that of 100..500 Hz (Han et al. 2000)."""
    return _band(s, *LOW_HZ) / (_band(s, *HIGH_HZ) + TINY)


@feature("frequency", "psr")
def power_spectrum_ratio(s: Signal) -> Array:
    """Power spectrum ratio, 0..1: power within 10 Hz of the largest P_k over the total (Qingju & Zhizeng 2006)."""
    near = np.abs(s.frequencies_hz[:, None] - peak_frequency(s)) <= 10.0
    return np.asarray((s.power * near).sum(axis=0) / (total_power(s) + TINY))


@feature("frequency", "spectral_entropy")
def spectral_entropy(s: Signal) -> Array:
    """Spectral entropy, 0..1: −Σp_k ln p_k / ln M, p_k = P_k / ΣP (Inouye et al. 1991)."""
    share = s.power / (total_power(s) + TINY)
    return np.asarray(-(share * np.log(share + TINY)).sum(axis=0) / np.log(len(share)))


@feature("frequency", "spectral_flatness")
def spectral_flatness(s: Signal) -> Array:
    """Spectral flatness, 0..1: geometric over arithmetic mean of P_k, k > 0."""
    power = s.power[1:] + TINY
    return np.asarray(np.exp(np.log(power).mean(axis=0)) / power.mean(axis=0))


@feature("autoregressive", "ar", *(f"ar_{k}" for k in range(1, ORDER + 1)))
def autoregressive(s: Signal) -> Array:
    """Coefficients a_1..a_6 of x_i = −Σa_k x_{i−k} + e_i by Levinson–Durbin (Graupe & Cline 1975)."""
    return _levinson(s)[0]


@feature("autoregressive", "ar_noise")
def autoregressive_noise(s: Signal) -> Array:
    """Share of the variance, 0..1, that the autoregressive model of order 6 leaves unexplained."""
    return _levinson(s)[1]


@feature("autoregressive", "cepstral", *(f"cepstral_{k}" for k in range(1, ORDER + 1)))
def cepstral(s: Signal) -> Array:
    """Cepstral coefficients c_k = −a_k − Σ_{l<k} (1 − l/k) a_l c_{k−l} of the AR model, k = 1..6 (Kang et al. 1995)."""
    a = _levinson(s)[0]
    c = np.zeros_like(a)
    for k in range(1, ORDER + 1):
        c[k - 1] = -a[k - 1]
        for m in range(1, k):
            c[k - 1] -= (1 - m / k) * a[m - 1] * c[k - m - 1]
    return c


def _quantile(s: Signal, share: float) -> Array:
    rising = np.cumsum(s.power, axis=0)
    return np.asarray(s.frequencies_hz[(rising >= share * rising[-1]).argmax(axis=0)])


def _band(s: Signal, low_hz: float, high_hz: float) -> Array:
    inside = (s.frequencies_hz >= low_hz) & (s.frequencies_hz < high_hz)
    return np.asarray(s.power[inside].sum(axis=0))


def _levinson(s: Signal) -> tuple[Array, Array]:
    """Coefficients (6, C) and the share of variance left (C,), from biased autocorrelations."""
    x = s.standard
    n = len(x)
    r = np.stack([np.einsum("ic,ic->c", x[: n - k], x[k:]) / n for k in range(ORDER + 1)])
    r[0] += TINY
    a = np.zeros((ORDER, x.shape[1]))
    left = r[0].copy()
    for k in range(ORDER):
        reflection = -(r[k + 1] + (a[:k] * r[k:0:-1]).sum(axis=0)) / (left + TINY)
        a[:k] += reflection * a[:k][::-1]
        a[k] = reflection
        left *= 1 - reflection**2
    return a, left / r[0]
