"""Reads the lines of ``rt-handdt live --sink hand:serial:DEVICE`` (see docs/hands.md); for MicroPython and for Python.

On a board with MicroPython, copy this file there as ``main.py`` and mend the pins at its end; its USB port is the
serial device.
"""

#: No line for so long, and the hand opens: cable, computer or program are gone.
TIMEOUT_MS = 200
#: Thumb, thumb rotation, index, middle, ring, little finger, wrist flexion, deviation, rotation.
AXES = 9


class GripLines:
    """Where each axis is to be.

    Parameters
    ----------
    since
        Difference of two times in ms; on a board ``time.ticks_diff``, for its clock begins anew every few days.

    Attributes
    ----------
    seq, grip, closing, state
        Of the newest line; `closing` is in percent.
    spoilt
        Lines whose check failed.
    """

    def __init__(self, since=lambda now_ms, then_ms: now_ms - then_ms):
        self._since = since
        self.seq, self.grip, self.closing, self.state = 0, 0, 0, ""
        self.spoilt = 0
        self._axes = [0] * AXES
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

    def axes(self, now_ms):
        """Percent of each axis; all 0, open, when nothing comes. Ask in every turn of the loop."""
        if self._heard_ms is None or not 0 <= self._since(now_ms, self._heard_ms) <= TIMEOUT_MS:
            return [0] * AXES
        return self._axes

    def _take(self, line):
        body, star, check = line[1:].partition(b"*")
        fields = body.split(b",")
        if line[:1] != b"$" or not star or len(fields) != AXES + 5 or fields[0] != b"RG1":
            return False
        try:
            if int(check, 16) != crc(body):
                return False
        except ValueError:
            return False
        numbers = [int(field) for field in fields[1:-1]]
        self.seq, self.grip, self.closing = numbers[:3]
        self._axes = [min(100, max(-100, number)) for number in numbers[3:]]
        self.state = fields[-1].decode()
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
    """Six servos: thumb, thumb rotation, index, middle, ring and little finger."""
    import select
    import sys
    import time

    from machine import PWM, Pin

    # pin, pulse when open, pulse when closed (us) of each
    servos = [(10, 700, 2200), (11, 700, 2200), (12, 700, 2200), (13, 700, 2200), (14, 700, 2200), (15, 700, 2200)]
    motors = [(PWM(Pin(pin), freq=50), opened, closed) for pin, opened, closed in servos]
    hand, came = GripLines(time.ticks_diff), select.poll()
    came.register(sys.stdin, select.POLLIN)
    while True:
        while came.poll(0):
            hand.feed(sys.stdin.buffer.read(1), time.ticks_ms())
        for (motor, opened, closed), percent in zip(motors, hand.axes(time.ticks_ms())):  # noqa: B905
            motor.duty_ns(1000 * (opened + (closed - opened) * max(0, percent) // 100))
        time.sleep_ms(2)


if __name__ == "__main__":
    main()
