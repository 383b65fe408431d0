"""Processor or card: chosen by what they take, with a card that is played by the processor."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from rt_handdt.core.bundle import Bundle
from rt_handdt.errors import ConfigError
from rt_handdt.infer import card, choice
from rt_handdt.infer.recognizer import BATCH, Recognizer
from tests.support.tiny import tiny_bundle, tiny_spec

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
SPEC = tiny_spec()


class FakeCard:
    """ONNX Runtime with a card: its sessions are the processor's, and say otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, works: bool = True, graphs: bool = True) -> None:
        self.works, self.graphs, self.takes_s, self.adds, self.preloaded = works, graphs, 0.0, 0.0, 0
        self.bound = self.batches = self.graphed = 0
        session, values = ort.InferenceSession, ort.OrtValue.ortvalue_from_numpy
        fake = self

        class Session:
            def __init__(self, model: bytes, options: Any, providers: list[Any]) -> None:
                self.real = session(model, options, providers=[CPU])
                settings = providers[0][1] if isinstance(providers[0], tuple) else None
                self.on_card = settings is not None and fake.works
                self.graph = settings is not None and settings["enable_cuda_graph"] == "1"
                if self.on_card:
                    assert fake.preloaded
                    assert settings["use_tf32"] == "0"
                if self.graph and not fake.graphs:
                    raise RuntimeError("This session cannot use the graph feature")

            def __getattr__(self, name: str) -> Any:
                return getattr(self.real, name)

            def get_providers(self) -> list[str]:
                return [CUDA, CPU] if self.on_card else [CPU]

            def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
                fake.batches += self.on_card
                return self.real.run(names, inputs)

            def run_with_iobinding(self, binding: Any) -> None:
                if self.on_card:
                    fake.bound += 1
                    fake.graphed += self.graph
                    time.sleep(fake.takes_s)
                self.real.run_with_iobinding(binding)
                if self.on_card and fake.adds:
                    fake.results[0].update_inplace(fake.results[0].numpy() + np.float32(fake.adds))

        def value(array: np.ndarray, *where: Any) -> Any:
            made = values(array.copy() if where else array)  # what is on the card does not share numpy's memory
            if where and array.shape[1:] == (3,):
                fake.results = [made]
            return made

        def preload() -> None:
            self.preloaded += 1

        monkeypatch.setattr(ort, "InferenceSession", Session)
        monkeypatch.setattr(ort.OrtValue, "ortvalue_from_numpy", value)
        monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
        monkeypatch.setattr(ort, "preload_dlls", preload, raising=False)


@pytest.fixture
def bundle(tmp_path: Any) -> Bundle:
    return tiny_bundle(tmp_path / "tiny", SPEC)


def frames(n: int) -> np.ndarray:
    return np.random.default_rng(n).random((n, *SPEC.frame_shape), np.float32) * 50


def test_the_faster_one_takes_single_windows_and_the_card_takes_many(bundle: Bundle, monkeypatch: pytest.MonkeyPatch):
    plain = Recognizer(bundle, "cpu")
    fake = FakeCard(monkeypatch)
    fake.takes_s = 0.02  # far more than this network takes on any processor that works
    slow = Recognizer(bundle)
    assert slow.provider == CPU
    assert slow.choice.card_ms > 20 > slow.choice.cpu_ms
    assert "on the processor" in slow.choice.sentence
    assert "many windows at once go to the card" in slow.choice.sentence
    before = fake.bound, fake.batches
    slow.predict(frames(1)[0])
    slow.predict_batch(frames(BATCH - 1))
    assert (fake.bound, fake.batches) == before
    got = slow.predict_batch(frames(BATCH))
    assert (fake.bound, fake.batches) == (before[0], before[1] + 1)
    np.testing.assert_allclose(got[0], plain.predict_batch(frames(BATCH))[0], atol=1e-6)

    monkeypatch.setattr(choice, "window_ms", lambda network, frame: 0.1 if network.provider == CUDA else 0.2)
    fake.takes_s = 0.0
    fast = Recognizer(bundle)
    assert fast.provider == CUDA
    assert fast.choice.sentence == (
        "The network runs on the card: one window takes 0.200 ms on the processor, 0.100 ms on the card."
    )
    graphed = fake.graphed
    for one in frames(3):  # each its own: no result of the window before
        np.testing.assert_allclose(fast.predict(one).probabilities, plain.predict(one).probabilities, atol=1e-6)
    assert fake.graphed == graphed + 3


def test_a_card_that_holds_no_graph_is_used_without_one(bundle: Bundle, monkeypatch: pytest.MonkeyPatch):
    fake = FakeCard(monkeypatch, graphs=False)
    recognizer = Recognizer(bundle, "cuda")
    assert recognizer.provider == CUDA
    assert not recognizer.choice.live.graphed
    assert recognizer.predict(frames(1)[0]).probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert fake.bound > fake.graphed == 0


def test_a_card_that_does_not_work_is_said_and_not_used(bundle: Bundle, monkeypatch: pytest.MonkeyPatch):
    fake = FakeCard(monkeypatch, works=False)
    monkeypatch.setattr(ort, "preload_dlls", lambda: print("Failed to load libcudnn.so.9: no such file"))
    recognizer = Recognizer(bundle)
    assert recognizer.provider == CPU
    assert "Failed to load libcudnn.so.9: no such file" in recognizer.choice.sentence
    with pytest.raises(ConfigError, match=r"libcudnn.*rt-handdt doctor"):
        Recognizer(bundle, "cuda")
    assert fake.bound == 0


def test_a_card_that_says_something_else_is_not_used(bundle: Bundle, monkeypatch: pytest.MonkeyPatch):
    fake = FakeCard(monkeypatch)
    fake.adds = 0.01
    recognizer = Recognizer(bundle)
    assert recognizer.provider == CPU
    assert "off by 0.01" in recognizer.choice.sentence
    before = fake.batches
    recognizer.predict_batch(frames(BATCH))
    assert fake.batches == before


def test_threads_share_one_recognizer(bundle: Bundle):
    recognizer = Recognizer(bundle, "cpu")
    given = frames(40)
    wanted = recognizer.predict_batch(given)[0]
    wrong = []

    def ask(own: int) -> None:
        for _ in range(100):
            if np.abs(recognizer.predict(given[own]).probabilities - wanted[own]).max() > 1e-5:
                wrong.append(own)

    threads = [threading.Thread(target=ask, args=(own,)) for own in (3, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_is_given_out_stays_what_it_is(bundle: Bundle):
    recognizer = Recognizer(bundle, "cpu")
    first = recognizer.predict(frames(1)[0])
    kept = first.probabilities.copy(), first.latent.copy()
    recognizer.predict(frames(2)[1])
    np.testing.assert_array_equal(first.probabilities, kept[0])
    np.testing.assert_array_equal(first.latent, kept[1])


def test_very_many_windows_go_in_pieces(bundle: Bundle, monkeypatch: pytest.MonkeyPatch):
    from rt_handdt.infer import network

    recognizer = Recognizer(bundle, "cpu")
    whole = recognizer.predict_batch(frames(50))
    monkeypatch.setattr(network, "MOST", 16)
    pieces = recognizer.predict_batch(frames(50))
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert recognizer.predict_batch(frames(0))[0].shape == (0, whole[0].shape[1])


# -- what the doctor tells -----------------------------------------------------------------------------------------


def test_report_without_a_driver_with_one_and_with_a_card(bundle: Bundle, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(card.shutil, "which", lambda _: None)
    (alone,) = card.card_report(bundle)
    assert (alone.state, alone.remedy) == ("ok", "")
    assert "no NVIDIA driver" in alone.found

    monkeypatch.setattr(card.shutil, "which", lambda _: "/usr/bin/nvidia-smi")

    def dead(arguments: list[str]) -> str:
        raise subprocess.CalledProcessError(9, "nvidia-smi")

    monkeypatch.setattr(card, "_ask", dead)
    assert [one.state for one in card.card_report(bundle)] == ["warning"]

    monkeypatch.setattr(card, "_ask", lambda _: "NVIDIA X, 580.1")
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CPU])
    named, runtime = card.card_report(bundle)
    assert named.found == "NVIDIA X, driver 580.1"
    assert runtime.state == "warning"
    assert "rt-handdt[gpu]" in runtime.remedy

    FakeCard(monkeypatch)
    *_, provider = card.card_report(bundle)
    assert provider.state == "ok"
    assert "ms on the card" in provider.found
