"""Reads the lines of ``rt-handdt live --sink serial:DEVICE`` (see docs/sinks.md); for MicroPython and for Python.

On a board with MicroPython, copy this file there as ``main.py`` and mend the pins at its end; its USB port is the
serial device.
"""

#: No line for so long, and the hand opens: cable, computer or program are gone.
TIMEOUT_MS = 200


class HandLines:
    """What a hand may do now.

    Parameters
    ----------
    since
        Difference of two times in ms; on a board ``time.ticks_diff``, for its clock begins anew every few days.

    Attributes
    ----------
    label, index, level, confidence, seq
        Of the newest line; `level` and `confidence` are in percent.
    spoilt
        Lines whose check failed.
    """

    def __init__(self, since=lambda now_ms, then_ms: now_ms - then_ms):
        self._since = since
        self.label, self.index, self.level, self.confidence, self.seq = "rest", -1, 0, 0, 0
        self.spoilt = 0
        self._heard_ms = None
        self._rest = b""

    def feed(self, data, now_ms):
        """Give it all bytes that come, and the time in ms."""
        self._rest += data
        while b"\n" in self._rest:
            line, self._rest = self._rest.split(b"\n", 1)
            line = line.strip()
            if line and self._take(line):
                self._heard_ms = now_ms
            elif line:
                self.spoilt += 1
        if len(self._rest) > 256:
            self._rest = b""

    def may_act(self, now_ms):
        """Whether the hand may do what `label` says; else it opens. Ask in every turn of the loop."""
        if self._heard_ms is None or self.label == "rest":
            return False
        return 0 <= self._since(now_ms, self._heard_ms) <= TIMEOUT_MS

    def _take(self, line):
        body, star, check = line[1:].partition(b"*")
        fields = body.split(b",")
        if line[:1] != b"$" or not star or len(fields) != 10 or fields[0] != b"RH1":
            return False
        try:
            if int(check, 16) != crc(body):
                return False
        except ValueError:
            return False
        self.seq, self.index, self.label = int(fields[1]), int(fields[2]), fields[3].decode()
        self.level, self.confidence = int(fields[4]), int(fields[5])
        return True


def crc(data):
    """CRC-16/XMODEM."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = ((value << 1) ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def main():
    """A servo that closes on "hand_close", as far as the muscle is tense, and opens on everything else."""
    import select
    import sys
    import time

    from machine import PWM, Pin

    opened_us, closed_us = 700, 2200
    servo = PWM(Pin(15), freq=50)
    hand, came = HandLines(time.ticks_diff), select.poll()
    came.register(sys.stdin, select.POLLIN)
    while True:
        while came.poll(0):
            hand.feed(sys.stdin.buffer.read(1), time.ticks_ms())
        closing = hand.may_act(time.ticks_ms()) and hand.label == "hand_close"
        level = min(max(hand.level, 0), 100) if closing else 0
        servo.duty_ns(1000 * (opened_us + (closed_us - opened_us) * level // 100))
        time.sleep_ms(2)


if __name__ == "__main__":
    main()
