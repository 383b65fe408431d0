"""The log of a run: TensorBoard reads what was written, each epoch once, also after a stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from offline.config.method import MethodConfig
from offline.train.method_log import RunLog
from offline.train.method_training import train_method
from rt_handdt.errors import HanddtError
from tests.support.method_tables import method_table

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found = accumulator.EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    found.Reload()
    return {tag: [(one.step, one.value) for one in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def config(epochs: int) -> MethodConfig:
    return MethodConfig.parse(
        {
            "threads": 1,
            "validate_every": 2,
            "checkpoint_every": 2,
            "network": {"widths": (6, 5, 4)},
            "optimiser": {"epochs": epochs, "batch": 16},
        },
        what="test",
    )


def test_a_training_run_leaves_event_files_that_go_on_where_it_was_stopped(tmp_path: Path) -> None:
    train, valid = method_table(), method_table(people=2, first_person=5)
    train_method(train, valid, config(2), out=tmp_path)
    first = scalars(tmp_path)
    assert [step for step, _ in first["loss/total"]] == [1, 2]
    assert [step for step, _ in first["valid/knn"]] == [2]
    trained = train_method(train, valid, config(4), out=tmp_path, resume=True)
    found = scalars(tmp_path)
    assert [step for step, _ in found["loss/total"]] == [1, 2, 3, 4]
    losses = [epoch.losses["total"] for epoch in trained.epochs]
    assert [value for _, value in found["loss/total"]] == pytest.approx(losses, rel=1e-6)
    files = list((tmp_path / "tensorboard").iterdir())
    train_method(train, valid, config(4), out=tmp_path, resume=True)  # done already
    assert list((tmp_path / "tensorboard").iterdir()) == files


def test_epochs_after_the_checkpoint_are_replaced_not_doubled(tmp_path: Path) -> None:
    killed = RunLog(tmp_path, 0, tensorboard=True)
    for epoch in (1, 2, 3):
        killed.write(epoch, {"loss/total": 10.0 + epoch})
    killed.close()
    (one,) = (tmp_path / "tensorboard").iterdir()
    one.rename(one.with_name("events.out.tfevents.1.before"))  # as if it had been written long ago
    resumed = RunLog(tmp_path, 2, tensorboard=True)
    for epoch in (3, 4):
        resumed.write(epoch, {"loss/total": 20.0 + epoch})
    resumed.close()
    assert scalars(tmp_path)["loss/total"] == [(1, 11.0), (2, 12.0), (3, 23.0), (4, 24.0)]
    anew = RunLog(tmp_path, 0, tensorboard=True)
    anew.write(1, {"loss/total": 30.0})
    anew.close()
    assert scalars(tmp_path)["loss/total"] == [(1, 30.0)]


def test_without_it_nothing_is_written_and_a_blocked_folder_is_said(tmp_path: Path) -> None:
    log = RunLog(tmp_path, 0, tensorboard=False)
    log.write(1, {"loss/total": 1.0})
    log.close()
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]
    (tmp_path / "tensorboard").write_text("in the way")
    log = RunLog(tmp_path, 0, tensorboard=True)
    with pytest.raises(HanddtError, match=r"tensorboard: cannot be written .* tensorboard = false"):
        log.write(1, {"loss/total": 1.0})
