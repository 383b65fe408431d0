"""Every measurement can be started, and its usage says so."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What others share.
HELPERS = {"__init__", "live_run", "pattern_scores", "pattern_sheet", "pool"}
BENCHES = sorted({file.stem for file in (ROOT / "tests/bench").glob("*.py")} - HELPERS)


@pytest.mark.parametrize("name", BENCHES)
def test_it_loads_and_its_usage_is_told(name: str) -> None:
    module = import_module(f"tests.bench.{name}")
    assert callable(module.main)
    assert f"./scripts/bench {name}" in (module.__doc__ or "")
    script = (ROOT / "scripts/bench").read_text(encoding="utf-8")
    listed, asked = script.splitlines()[1], script.partition("which measurement?")[2]
    assert name in listed.replace("|", " ").split()
    assert f" {name}" in asked
