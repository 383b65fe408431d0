"""Classifiers on latents (or any other features): fitted, calibrated by held-out people, exportable as ONNX."""
