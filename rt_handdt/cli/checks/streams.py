"""Whether Lab Streaming Layer works here: its clock, and a stream sent to ourselves."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from itertools import pairwise

from rt_handdt.core.finding import Finding
from rt_handdt.errors import StreamError

FS_HZ, N, CHUNK = 2048.0, 2048, 32
#: By so much the clock may go wrong against the system's in `CLOCK_S`, s.
OFF_S, CLOCK_S = 1e-3, 0.2
#: Samples that have not come after this long do not come, s.
WAIT_S = 10.0
#: Delivery later than this, at the 99th percentile, is felt, s.
LATE_S = 0.02
_NO_LSL = (
    "pylsl's wheel brings liblsl only where the C library is glibc 2.35 or newer (Ubuntu 22.04, Debian 12); elsewhere "
    "install liblsl, for instance by conda from conda-forge, or name its file in PYLSL_LIB."
)


def check_clock() -> list[Finding]:
    """LSL's clock never goes back, and goes as fast as the system's."""
    try:
        from rt_handdt.io import lsl
    except Exception as exc:  # pylsl without its library fails with a RuntimeError
        return [Finding("LSL", "fault", f"cannot be loaded ({type(exc).__name__}: {exc})", _NO_LSL)]
    since, times = time.monotonic(), [lsl.clock() for _ in range(1000)]
    time.sleep(CLOCK_S)
    there = time.monotonic() - since
    times.append(lsl.clock())
    here = times[-1] - times[0]
    if any(later < earlier for earlier, later in pairwise(times)):
        found = "goes back"
    elif abs(here - there) > OFF_S:
        found = f"went {1e3 * here:.1f} ms while the system's went {1e3 * there:.1f} ms"
    else:
        return [Finding("LSL clock", "ok", "monotone, and as fast as the system's")]
    return [Finding("LSL clock", "fault", found, "Restart the computer; a virtual machine's clock may be at fault.")]


def check_loopback() -> list[Finding]:
    """A second of counted samples, sent to ourselves: how many came, how late, and whether loss could be proved."""
    import numpy as np

    try:
        from rt_handdt.io import lsl
    except Exception:
        return []  # `check_clock` says so
    with contextlib.suppress(StreamError):  # already set up, by whoever called
        # A session of its own: no live run beside this one shall take the stream for an amplifier's.
        lsl.configure(session=f"doctor-{uuid.uuid4().hex[:12]}")
    name = f"doctor-{uuid.uuid4().hex[:12]}"
    outlet = lsl.SignalOutlet(name, ["E1"], FS_HZ, counter=True)
    inlet = lsl.SignalInlet(name, timeout_s=5.0)
    sender = threading.Thread(target=_send, args=(outlet,), name="handdt-doctor", daemon=True)
    sender.start()
    received = lost = 0
    late: list[float] = []
    deadline = time.monotonic() + WAIT_S
    while received < N and time.monotonic() < deadline:
        for chunk in inlet.read(CHUNK, 0.2):
            received += len(chunk.samples)
            lost += chunk.gap_samples
            late.append(lsl.clock() - float(chunk.times_s[-1]) - chunk.offset_s)
    sender.join()
    inlet.close()
    said = f"{received} of {N} samples came back, {lost} lost"
    if received < N or lost:
        remedy = "A firewall may keep this computer from itself: let 127.0.0.1 pass (UDP and TCP ports 16571 to 16604)."
        return [Finding("LSL loopback", "fault", said, remedy)]
    if inlet.timeline.loss_method != "counter":
        remedy = "Loss is judged by time stamps only; run the doctor again when the computer is less busy."
        return [Finding("LSL loopback", "warning", f"{said}; the counter was not trusted", remedy)]
    middle, most = 1e3 * np.quantile(late, (0.5, 0.99))
    said = f"{said} (counted); latency p50 {middle:.1f} ms, p99 {most:.1f} ms"
    if most > 1e3 * LATE_S:
        return [Finding("LSL loopback", "warning", said, "The computer is busy: close what needs it most.")]
    return [Finding("LSL loopback", "ok", said)]


def _send(outlet: object) -> None:
    import numpy as np

    from rt_handdt.io import lsl

    assert isinstance(outlet, lsl.SignalOutlet)
    outlet.wait_for_listener(5.0)
    for _ in range(0, N, CHUNK):
        outlet.push(np.zeros((CHUNK, 1), np.float32), lsl.clock())
        time.sleep(CHUNK / FS_HZ)
