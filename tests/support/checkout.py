"""A checkout of a small project with the real ``scripts``; pip, the index, the disk and the driver are feigned."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import packaging

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = """
[project]
name = "rt-handdt"
dependencies = ["signal-kit>=2", "elsewhere>=1; sys_platform == 'nowhere'"]

[project.optional-dependencies]
cpu = ["runtime>=1.2"]
gpu = ["runtime-gpu>=1.2"]
offline = ["trainer>=2", "signal-kit[plots]"]
sinks = ["numbers>=1"]
files = ["numbers>=1"]
dev = ["pytest>=8"]

[project.scripts]
rt-handdt = "rt_handdt:main"
"""
CONSTRAINTS = "# tested together\nsignal-kit==2.4  # and no other\ntrainer==2.13.0\n"
INDEX = {
    "signal-kit": ("2.4", ["numbers<4", 'painter>=3; extra == "plots"']),
    "numbers": ("3.1", []),
    "painter": ("3.0", []),
    "elsewhere": ("1.0", []),
    "runtime": ("1.3", ["numbers"]),
    "runtime-gpu": ("1.3", ["numbers"]),
    "trainer": ("2.13.0+cpu", ["numbers>=1"]),
    "pytest": ("9.0", []),
    "hatchling": ("1.30", []),
    "editables": ("0.6", []),
}
#: Stands in for the interpreter that makes environments: they get the feigned pip at once.
PYTHON = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    for where; do :; done
    "{python}" "$@" --without-pip || exit 1
    site=$("$where/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    ln -s "{packaging}" "$site/packaging"
    mkdir "$site/pip" && cp "{pip}" "$site/pip/__main__.py"
    exit
fi
exec "{python}" "$@"
"""


class Checkout:
    """The project's folder and what its commands meet outside of it.

    Attributes
    ----------
    root, venv
        Of the checkout; of its environment.
    """

    def __init__(self, where: Path) -> None:
        self.root = where / "check out"
        self.venv = self.root / ".venv"
        self._outside = where / "outside"
        (self.root / "tests" / "bench").mkdir(parents=True)
        (self.root / "tests" / "bench" / "speed.py").write_text("print('speed')\n")
        (self.root / "pyproject.toml").write_text(PROJECT)
        shutil.copytree(REPOSITORY / "scripts", self.root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        (self.root / "scripts" / "constraints.txt").write_text(CONSTRAINTS)
        self._outside.mkdir()
        python = {
            "python": getattr(sys, "_base_executable", sys.executable),
            "packaging": Path(packaging.__file__).parent,
            "pip": Path(__file__).with_name("fake_pip.py"),
        }
        self.command("python", PYTHON.format(**python))
        self.free_mib(9000)
        self.driver(False)
        self.online(True)

    def command(self, name: str, text: str) -> None:
        """Put a command before all others on the path."""
        file = self._outside / name
        file.write_text(text)
        file.chmod(0o755)

    def free_mib(self, free: int) -> None:
        """How much room there is on the disk."""
        self.command("df", f"#!/bin/sh\necho head\necho disk 0 0 {free} 0 /\n")

    def driver(self, present: bool) -> None:
        """Whether there is an NVIDIA driver."""
        self.command("nvidia-smi", f"#!/bin/sh\nexit {0 if present else 9}\n")

    def online(self, reached: bool) -> None:
        """Whether the package index can be reached."""
        if reached:
            (self._outside / "index.json").write_text(json.dumps(INDEX))
        else:
            (self._outside / "index.json").unlink()

    def pip_calls(self) -> list[str]:
        """What pip was told since it was last asked."""
        log = self._outside / "pip.log"
        said = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return said

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """``./scripts/COMMAND ARGUMENTS``, as a user gives it in the checkout."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("RT_HANDDT", "PYTHON", "PIP"))
        }
        clean |= {
            "PATH": f"{self._outside}:{clean['PATH']}",
            "PYTHON": str(self._outside / "python"),
            "FAKE_INDEX": str(self._outside / "index.json"),
            "FAKE_PIP_LOG": str(self._outside / "pip.log"),
        }
        return subprocess.run(
            [f"./scripts/{command[0]}", *command[1:]],
            cwd=self.root,
            env=clean | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def works(self, *command: str, **environment: str) -> str:
        """What the command printed, which must end well."""
        done = self.run(*command, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def refuses(self, *command: str, **environment: str) -> str:
        """The last line of what it said, which must be an error."""
        done = self.run(*command, **environment)
        assert done.returncode == 2, done
        said = done.stderr.strip().splitlines()
        assert said[-1].startswith("Error: "), done.stderr
        return done.stderr

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that is there."""
        path = self.root / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def metadata(self, name: str, venv: Path | None = None) -> Path:
        """The file that says that a package is installed."""
        return next((venv or self.venv).glob(f"lib/python3*/site-packages/{name}-*.dist-info/METADATA"))
