"""Real-time hand-gesture recognition from high-density surface EMG.

Read the package in the order of the signal: `io` (streams and recordings) → `core` (filters, windows, features,
decoder) → `infer` (ONNX Runtime) → `runtime` (the live engine) → `gui` and `cli`. `sim` is the virtual forearm.
"""

__version__ = "0.1.0"
