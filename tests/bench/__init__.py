"""Measurements: slow, not run by pytest. `./scripts/bench NAME` runs one."""
