"""Follows ``rt-handdt live --sink udp:5006``: ``python udp_hand.py [PORT]``. Needs nothing but Python.

Prints what a hand has to do, at each change: the gesture and how strong, or rest; and rest when nothing comes.
"""

import json
import socket
import sys

TIMEOUT_S = 0.2  # no message for so long, and the hand opens: network, computer or program are gone

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hand:
    hand.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 5006))
    hand.settimeout(TIMEOUT_S)
    doing = ""
    while True:
        try:
            told = json.loads(hand.recv(65536))
            now = "rest" if told["label"] == "rest" else f"{told['label']} {told['level']:.1f}"
        except TimeoutError:
            now = "rest"
        if now != doing:
            doing = now
            print(now)
