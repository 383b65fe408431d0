"""``scripts/demo``, ``test`` and ``bench`` share an environment: what is there is used, offline and in any order."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.checkout import Checkout

CANNOT_BE_REACHED = "The package index cannot be reached"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def whole(checkout: Checkout) -> Checkout:
    """All is installed, and the network is gone."""
    checkout.works("test", "--version")
    checkout.pip_calls()
    checkout.online(False)
    return checkout


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in str(path)}


def test_both_commands_work_offline_once_made(checkout: Checkout) -> None:
    assert checkout.works("demo", "--seconds", "2 3") == "rt-handdt demo --seconds 2 3"
    (asked,) = checkout.pip_calls()
    assert asked.endswith(f"-e {checkout.root}[cpu]")
    checkout.online(False)
    said = checkout.refuses("test", "--version")
    assert CANNOT_BE_REACHED in said
    assert "Missing in" in said
    assert "painter, pytest, trainer" in said
    assert checkout.works("demo") == "rt-handdt demo"  # what it needs is still there
    checkout.online(True)
    assert checkout.works("test", "--version") == "pytest --version"
    checkout.online(False)
    checkout.pip_calls()
    there = files(checkout.venv)
    for command, said in (("demo", "rt-handdt demo"), ("test -q", "pytest -q"), ("bench speed", "speed")) * 2:
        assert checkout.works(*command.split()) == said
    assert not checkout.pip_calls()
    assert files(checkout.venv) == there  # so it may be read-only


def test_an_environment_that_holds_more_serves_the_demo(whole: Checkout) -> None:
    assert whole.works("demo") == "rt-handdt demo"
    assert not whole.pip_calls()


def test_the_environment_may_lie_anywhere(checkout: Checkout) -> None:
    assert checkout.works("test", "-q", RT_HANDDT_VENV="../an other/place") == "pytest -q"
    checkout.online(False)
    place = checkout.root.parent / "an other" / "place"
    assert checkout.works("demo", RT_HANDDT_VENV=str(place)) == "rt-handdt demo"
    assert len(checkout.pip_calls()) == 1
    assert not checkout.venv.exists()


def test_changed_files_that_ask_for_what_is_there_download_nothing(whole: Checkout) -> None:
    whole.edit("pyproject.toml", "signal-kit>=2", "signal-kit>=2.3,<3")
    more = 'dev = ["pytest>=8", "numbers>=3"]  # rt-handdt[offline] holds it'
    whole.edit("pyproject.toml", 'dev = ["pytest>=8"]', more)
    whole.edit("scripts/constraints.txt", "trainer==2.13.0", "trainer>=2.12\nnumbers==3.1\n# end")
    assert whole.works("test", "-q") == "pytest -q"
    assert whole.works("demo") == "rt-handdt demo"
    assert not whole.pip_calls()


@pytest.mark.parametrize(
    ("file", "old", "new", "missing"),
    [
        ("pyproject.toml", "signal-kit>=2", "signal-kit>=2.5", "signal-kit==2.4,>=2.5 (there is 2.4)"),
        ("pyproject.toml", '"signal-kit>=2"', '"signal-kit>=2", "more"', "more"),
        ("scripts/constraints.txt", "# tested", "numbers==3.2  # tested", "numbers<4,==3.2 (there is 3.1)"),
    ],
)
def test_what_is_really_missing_is_named(whole: Checkout, file: str, old: str, new: str, missing: str) -> None:
    whole.edit(file, old, new)
    said = whole.refuses("demo")
    assert f"Missing in {whole.venv}: {missing}\n" in said
    assert CANNOT_BE_REACHED in said


@pytest.mark.parametrize("lost", ["numbers", "painter", "pytest"])
def test_a_package_lost_or_half_installed_is_noticed(whole: Checkout, lost: str) -> None:
    whole.metadata(lost).unlink()
    assert f": {lost}\n" in whole.refuses("test", "-q")
    whole.online(True)
    shutil.rmtree(whole.metadata("runtime").parent)
    assert whole.works("test", "-q") == "pytest -q"
    assert len(whole.pip_calls()) == 2


def test_an_environment_without_pip_gets_it_again(whole: Checkout) -> None:
    for name in ("pip", "packaging"):  # as a killed `python -m venv` leaves it
        there = next(whole.venv.glob(f"lib/python3*/site-packages/{name}"))
        there.unlink() if there.is_symlink() else shutil.rmtree(there)
    done = whole.run("demo", PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null")
    assert done.returncode == 2
    assert "Missing" in done.stderr
    assert "has no pip" not in done.stderr
    assert next(whole.venv.glob("lib/python3*/site-packages/pip/__main__.py")).exists()


def test_a_runtime_that_is_there_is_kept(checkout: Checkout) -> None:
    checkout.driver(True)
    checkout.works("demo")
    assert checkout.pip_calls()[0].endswith("[gpu]")
    checkout.driver(False)
    checkout.works("demo")
    assert not checkout.pip_calls()
    checkout.works("test", "-q")
    assert checkout.pip_calls()[0].endswith("[gpu,offline,sinks,files,dev]")  # never both


def test_a_driver_installed_later_asks_for_nothing(whole: Checkout) -> None:
    whole.driver(True)
    assert whole.works("demo") == "rt-handdt demo"
    assert not whole.pip_calls()


def test_a_checkout_that_was_moved_is_installed_again_without_network(whole: Checkout) -> None:
    whole.root = whole.root.rename(whole.root.with_name("moved"))
    whole.venv = whole.root / ".venv"
    assert whole.works("demo") == "rt-handdt demo"
    (call,) = whole.pip_calls()
    assert "--no-deps --no-build-isolation" in call
    assert f'"{whole.venv}/bin/python"' in (whole.venv / "bin" / "rt-handdt").read_text()
    assert str(whole.venv) in (whole.venv / "bin" / "activate").read_text()
    assert whole.works("test", "-q") == "pytest -q"
    assert not whole.pip_calls()


def test_another_checkouts_environment_does_not_run_its_code(whole: Checkout, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Checkout(tmp_path / "other")
    other.works("demo", RT_HANDDT_VENV=str(whole.venv))
    (call,) = other.pip_calls()
    assert call.endswith(f"--no-deps --no-build-isolation -e {other.root}")


def test_new_commands_are_installed_without_network(whole: Checkout) -> None:
    whole.edit("pyproject.toml", "[project.scripts]", '[project.scripts]\nhanddt-more = "more:main"')
    whole.works("demo")
    assert len(whole.pip_calls()) == 1
    assert (whole.venv / "bin" / "handdt-more").exists()
    (whole.venv / "bin" / "rt-handdt").unlink()
    assert whole.works("demo") == "rt-handdt demo"


def test_without_what_builds_it_a_moved_checkout_needs_the_index(whole: Checkout) -> None:
    next(whole.venv.glob("lib/python3*/site-packages/hatchling.py")).unlink()
    whole.edit("pyproject.toml", "[project.scripts]", '[project.scripts]\nhanddt-more = "more:main"')
    assert CANNOT_BE_REACHED in whole.refuses("demo")


def test_a_half_made_environment_is_made_anew(checkout: Checkout) -> None:
    (checkout.venv / "bin").mkdir(parents=True)
    (checkout.venv / "pyvenv.cfg").write_text("home = /nowhere\n")
    (checkout.venv / "bin" / "python").symlink_to("/nowhere/python3")
    assert checkout.works("demo") == "rt-handdt demo"


def test_folders_that_are_no_environment_are_left_alone(checkout: Checkout) -> None:
    home = checkout.root.parent / "home"
    home.mkdir()
    (home / "letter.txt").write_text("dear")
    assert "it holds something else" in checkout.refuses("demo", RT_HANDDT_VENV=str(home))
    assert [path.name for path in home.iterdir()] == ["letter.txt"]


def test_environments_that_cannot_serve_are_named(checkout: Checkout) -> None:
    (checkout.venv / "bin").mkdir(parents=True)
    python = checkout.venv / "bin" / "python"
    python.write_text("#!/bin/sh\necho Python 3.9\nexit 5\n")
    python.chmod(0o755)
    assert f"{checkout.venv} has Python 3.9; 3.11 or newer is needed" in checkout.refuses("demo")
    python.write_text("#!/bin/sh\nexit 127\n")
    assert f"{checkout.venv} could not be examined" in checkout.refuses("demo")


def test_a_full_disk_is_said_before_anything_is_made(checkout: Checkout) -> None:
    checkout.free_mib(100)
    assert "only 100 MiB are free" in checkout.refuses("demo", RT_HANDDT_VENV="new/folders/venv")
    assert not (checkout.root / "new").exists()
    checkout.free_mib(9000)
    checkout.works("demo")
    checkout.free_mib(100)
    assert checkout.works("demo") == "rt-handdt demo"


def test_old_interpreters_are_refused(checkout: Checkout) -> None:
    for name in ("python", "python3", "python3.11", "python3.12", "python3.13"):
        checkout.command(name, "#!/bin/sh\necho Python 3.9.1\n[ $1 = --version ]\n")
    assert "Python 3.11 or newer is needed; found Python 3.9.1" in checkout.refuses("demo")
