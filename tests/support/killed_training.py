"""Train the method in a process of its own that kills itself after an epoch: ``python -m … FOLDER EPOCH CONFIG``."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from offline.config.method import MethodConfig
from offline.train.epoch import Epoch
from offline.train.method_training import train_method
from tests.support.method_tables import method_table

if __name__ == "__main__":
    last = int(sys.argv[2])

    def stop(epoch: Epoch) -> None:
        """No goodbye: neither `finally` nor an exit handler runs."""
        if epoch.number == last:
            os.kill(os.getpid(), signal.SIGKILL)

    train_method(
        method_table(),
        method_table(people=2, first_person=5),
        MethodConfig.parse(json.loads(sys.argv[3]), what="test"),
        out=Path(sys.argv[1]),
        on_epoch=stop,
    )
