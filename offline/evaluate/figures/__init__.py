"""Figures of runs: curves, patterns, points. Each function returns a figure."""
