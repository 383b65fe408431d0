"""Half a minute of signal, as lows and highs, and as pixels."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.gui.signal_image import SignalImage
from rt_handdt.runtime.ring import Ring
from rt_handdt.runtime.signal_memory import SignalMemory

RNG = np.random.default_rng(3)
GROUND, LINE = 0xFF000000, 0xFFFFFFFF
GREY = (np.uint32(GROUND) | np.arange(256, dtype=np.uint32) * np.uint32(0x010101)).astype(np.uint32)


@pytest.mark.parametrize("pieces", [1, 7, 64, 1000])
def test_lows_and_highs_are_the_same_for_any_pieces(pieces: int) -> None:
    signal = RNG.normal(0, 10, (4096, 3)).astype(np.float32)
    memory = SignalMemory(3, 2048.0, seconds=1.0)
    for first in range(0, len(signal), pieces):
        memory.push(signal[first : first + pieces])
    assert (memory.written, memory.held, memory.rate_hz) == (512, 256, 256.0)
    low, high = memory.read(250, 520)
    assert np.isnan(low[:6]).all()  # no longer held
    assert np.isnan(high[-8:]).all()  # not there yet
    parts = signal.reshape(512, 8, 3)
    np.testing.assert_array_equal(low[6:-8], parts[256:].min(axis=1))
    np.testing.assert_array_equal(high[6:-8], parts[256:].max(axis=1))
    some, _ = memory.read(300, 310, [2, 0])
    np.testing.assert_array_equal(some, parts[300:310, :, [2, 0]].min(axis=1))


def test_what_was_lost_is_blank_and_a_frozen_copy_stays() -> None:
    memory = SignalMemory(1, 512.0, seconds=4.0)
    memory.push(np.ones((511, 1), np.float32))  # one value waits for its other
    memory.skip(0)
    memory.push(np.full((512, 1), 2.0, np.float32))
    low, high = memory.read(0, memory.written)
    assert (low[:255] == 1).all()
    assert np.isnan(high[255:267]).all()  # a twentieth of a second
    assert (low[267:] == 2).all()
    copy = memory.frozen()
    memory.skip(10**9)  # a second at most
    assert memory.written - copy.written == 256
    assert np.isfinite(copy.read(300, copy.written)[0]).all()
    assert copy.read(copy.written, copy.written + 3)[0].shape == (3, 1)


def test_a_ring_gives_what_came_since() -> None:
    ring = Ring(10, 2)
    sent = np.arange(34, dtype=np.float32).reshape(17, 2)
    ring.push(sent[:4])
    came, samples = ring.since(1)
    assert came == 4
    np.testing.assert_array_equal(samples, sent[1:4])
    ring.push(sent[4:13])
    ring.push(sent[13:])
    came, samples = ring.since(came)
    assert came == 17
    np.testing.assert_array_equal(samples, sent[7:])  # as far as it is there
    np.testing.assert_array_equal(ring.since(15)[1], sent[15:])
    assert len(ring.since(2**62)[1]) == 0


def _memory(values: np.ndarray) -> SignalMemory:
    """One stretch a sample."""
    memory = SignalMemory(values.shape[1], 256.0)
    memory.push(values.astype(np.float32))
    return memory


def _seen(image: SignalImage) -> np.ndarray:
    """Brightness as on the screen, oldest column at the left."""
    return np.roll(image.pixels & 0xFF, -(image.end % image.width), axis=1)


@pytest.mark.parametrize("raster", [True, False])
@pytest.mark.parametrize("per", [1, 4])
def test_column_by_column_is_the_same_as_all_at_once(raster: bool, per: int) -> None:
    values = RNG.normal(0, 20, (400, 5))
    values[200:220] = np.nan
    memory = _memory(values)
    kinds = {"raster": raster, "table": GREY, "blank": GROUND}
    whole = SignalImage(range(5), (60, 50), per, **kinds)  # type: ignore[arg-type]
    steps = SignalImage(range(5), (60, 50), per, **kinds)  # type: ignore[arg-type]
    ends = [end for end in (61, 62, 62, 70, 99, 100) if end * per <= 400]
    changed = [steps.draw(memory, end, 60.0) for end in ends]
    assert changed[:3] == [True, True, False]
    whole.draw(memory, ends[-1], 60.0)
    np.testing.assert_array_equal(_seen(steps), _seen(whole))
    steps.draw(memory, 70, 60.0)  # back, and on again
    steps.draw(memory, ends[-1], 60.0)
    np.testing.assert_array_equal(_seen(steps), _seen(whole))


def test_a_raster_s_rows_are_its_channels() -> None:
    values = np.zeros((40, 4))
    values[::2, 1], values[1::2, 1] = 30.0, -30.0
    values[20:, 3] = np.nan
    values[:20, 3] = -60.0
    memory = SignalMemory(4, 512.0)
    memory.push(values.repeat(1, axis=0).astype(np.float32))  # two samples a stretch
    image = SignalImage((3, 1, 0), (20, 30), 1, raster=True, table=GREY, blank=7)
    image.draw(memory, 20, 60.0)
    seen = _seen(image)
    assert (seen[0:10, :10] == 0).all()  # flat, at −60
    assert (seen[0:10, 10:] == 7).all()  # not known
    assert (seen[10:20] == 127).all()  # ±30 of 60
    assert (seen[20:30] == 0).all()
    signed = SignalImage((3, 0), (20, 30), 1, raster=True, signed=True, table=GREY, blank=7)
    signed.draw(memory, 20, 60.0)
    assert (_seen(signed)[:15, :10] == 0).all()
    assert (_seen(signed)[15:] == 127).all()


def test_a_trace_lies_where_its_values_are_and_goes_on_without_a_break() -> None:
    values = np.zeros((100, 2))
    values[50:, 0] = 40.0  # up by half of the distance to the neighbour
    image = SignalImage((0, 1), (100, 200), 1, raster=False, table=GREY, blank=GROUND)
    image.draw(_memory(values), 100, 80.0)
    seen = _seen(image).astype(float)
    rows = np.arange(200) + 0.5
    for columns, at in ((slice(2, 49), 50.0), (slice(52, 99), 0.5)):
        upper = seen[:100, columns].mean(axis=1)
        assert (rows[:100] * upper).sum() / upper.sum() == pytest.approx(max(at, 0.6), abs=0.3)
    lower = seen[100:].mean(axis=1)
    assert (rows[100:] * lower).sum() / lower.sum() == pytest.approx(150.0, abs=0.1)
    assert (seen[2:48, 50] == 255).all()  # the jump is a line
    assert seen[:, 10].sum() / 255 == pytest.approx(2 * 1.2, abs=0.05)  # thin elsewhere
