"""Hands with motors: grips of gestures, limits of speed, what goes over the wire, and devices played."""
