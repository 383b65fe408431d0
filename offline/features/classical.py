"""The registry of classical features of surface EMG, by name.

Formulas follow Phinyomark, Phukpattaranont & Limsakul 2012 (Expert Syst. Appl. 39, 7420) where nothing else is said;
x_1..x_n are the filtered samples of one channel in µV, P_k the periodogram at f_k.
"""

from __future__ import annotations

from offline.features import classical_frequency, classical_spatial, classical_time
from offline.features.classical_registry import REGISTRY, ClassicalFeature

__all__ = ["CLASSICAL", "classical_frequency", "classical_spatial", "classical_time"]

CLASSICAL: dict[str, ClassicalFeature] = REGISTRY
