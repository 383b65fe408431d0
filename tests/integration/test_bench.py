"""``rt-handdt bench``: every figure is there, and the verdict says what the figures say."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from rt_handdt.cli.bench import verdict
from rt_handdt.runtime.bench.loopback import hops
from tests.integration.test_cli import refused, run
from tests.support.tiny import tiny_bundle, tiny_spec

SPEC = tiny_spec()


@pytest.mark.usefixtures("lsl")
def test_every_figure_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tiny_bundle(tmp_path / "tiny", SPEC)
    file = tmp_path / "bench.json"
    assert run(monkeypatch, "bench", "--bundle", bundle.path, "--seconds", 5, "--json", file, "--provider", "cpu") == 0
    found = json.loads(file.read_text())
    assert found["schema"] == "rt-handdt.bench/1"
    assert found["bundle"]["fingerprint"] == bundle.fingerprint
    assert found["provider"]["name"] == "CPUExecutionProvider"
    stages = found["stages_ms"]
    assert set(stages) == {
        *("filter", "features", "preprocessing", "network", "adaptation", "decode", "whole", "learning", "quality"),
    }
    for one in stages.values():
        assert 0 <= one["p50"] <= one["p95"] <= one["p99"] <= one["max"]
    assert stages["preprocessing"]["p50"] < stages["whole"]["p50"]
    assert [one["hop_samples"] for one in found["latency"]] == [8, 16, 32]
    for one in found["latency"]:
        assert one["windows"] > 0
        assert one["lost"] == 0
        assert one["push_to_decision"]["p50"] > one["compute"]["p50"] > 0
    rates = [one["rate_hz"] for one in found["capacity"]]
    assert [one["channels"] for one in found["capacity"]] == [32, 128, 256, 512, 1024]
    assert all(rate > 0 for rate in rates)
    assert found["verdict"]["sentence"] in capsys.readouterr().out.replace("\n", " ")


def test_a_folder_that_is_not_there_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "does not exist" in refused(monkeypatch, capsys, "bench", "--json", tmp_path / "nowhere" / "b.json")


@pytest.mark.usefixtures("lsl")
def test_an_unknown_provider_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "must be one of auto, cpu, cuda; got 'gpu'" in refused(monkeypatch, capsys, "bench", "--provider", "gpu")


@pytest.mark.parametrize(("window", "hop", "wanted"), [(512, 32, [16, 32, 64]), (60, 24, [12, 24, 48]), (8, 2, [2, 4])])
def test_hops_are_those_that_a_window_can_be_cut_into(window: int, hop: int, wanted: list[int]) -> None:
    assert hops(window, hop) == wanted
    assert all(math.gcd(window, n) > 1 for n in wanted)


@pytest.mark.parametrize(
    ("p99", "lost", "late", "compute", "code"),
    [
        (2.0, 0, 0, 1.0, "fits"),
        (9.0, 0, 0, 6.0, "tight"),
        (17.0, 0, 0, 1.0, "too_slow"),
        (2.0, 1, 0, 1.0, "too_slow"),
        (2.0, 0, 1, 1.0, "too_slow"),
        (None, 0, 0, 1.0, "unknown"),
    ],
)
def test_the_verdict(p99: float | None, lost: int, late: int, compute: float, code: str) -> None:
    own: dict[str, Any] = {"push_to_decision": {"p50": 1.0, "p99": p99}, "lost": lost, "late": late}
    found, sentence = verdict(own, compute, 1 / 64)
    assert found == code
    assert sentence.endswith(".")
    if code != "unknown":
        assert f"p99 {p99:.2f} ms" in sentence
