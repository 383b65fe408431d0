"""Networks on any grid, the normaliser inside them, and augmentation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from offline.config import AugmentConfig, NetworkConfig
from offline.models.standardise import InputLayer
from offline.models.window_networks import DisentanglingNet
from offline.train.augment import Augmenter, shifted, steps_along
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.population import amplitude_maps
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError


def spec_for(layout: ElectrodeLayout, features: tuple[str, ...] = ("rms", "wl", "zc", "ssc")) -> PipelineSpec:
    return PipelineSpec.parse(
        {"fs_hz": 512.0, "layout": layout, "band_hz": (20.0, 200.0), "features": features}, what="test"
    )


@pytest.mark.parametrize("shape", [(16, 16), (16, 4), (1, 10), (3, 5), (8, 16), (1, 1)])
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_any_grid_and_any_number_of_maps(shape: tuple[int, int], norm: str) -> None:
    if norm == "instance" and shape == (1, 1):
        with pytest.raises(ConfigError, match="instance norm"):
            DisentanglingNet(
                spec_for(ElectrodeLayout.grid(*shape)), 3, NetworkConfig(norm="instance"), with_subject=True
            )
        return
    for features in (("rms",), ("rms", "wl", "zc", "ssc"), ("rms", "envelope", "ssc")):
        spec = spec_for(ElectrodeLayout.grid(*shape), features)
        config = NetworkConfig.model_validate({"widths": (4, 5, 6), "norm": norm})
        net = DisentanglingNet(spec, 3, config, with_subject=True).train()
        maps = torch.rand(4, *spec.frame_shape) * 40
        encoded = net.encode(net.standardiser(maps))
        assert encoded.pattern.shape == (4, *net.latent_shape)
        assert net.decode(encoded.pattern, encoded.subject).shape == maps.shape
        probabilities, latent = net.eval()(maps)
        assert probabilities.shape == (4, 3)
        assert torch.allclose(probabilities.sum(1), torch.ones(4), atol=1e-6)
        assert latent.shape == (4, net.latent_size)


def test_input_layer_standardises_what_it_was_fitted_on() -> None:
    layout = ElectrodeLayout(
        name="hole",
        channels=("E1", "E2", "E3", "E4", "E5"),
        cells=((0, 0), (0, 1), (1, 0), (1, 1), (1, 2)),
        shape=(2, 3),
    )
    spec = spec_for(layout, ("rms", "zc"))
    rng = np.random.default_rng(0)
    raw = np.stack([rng.lognormal(3, 0.8, (400, 5)), rng.integers(0, 60, (400, 5))], axis=1)
    maps = layout.to_grid(raw)
    inputs = InputLayer(amplitude_maps(spec), np.asarray(layout.occupied))
    inputs.fit(maps)
    out = inputs(torch.from_numpy(maps))
    where = torch.from_numpy(np.asarray(layout.occupied))
    assert torch.allclose(out[:, :, where].mean(0), torch.zeros(2, 5), atol=1e-4)
    assert torch.allclose(out[:, :, where].std(0), torch.ones(2, 5), atol=1e-3)
    assert bool((out[:, :, ~where] == 0).all())
    # amplitudes are compressed, counts are not: ten times the amplitude moves a map by a constant, not tenfold
    louder = torch.from_numpy(maps) * torch.tensor([10.0, 1.0]).reshape(1, 2, 1, 1)
    moved = (inputs(louder) - out)[:, :, where]
    assert float(moved[:, 0].std(0).max()) < 0.2
    assert float(moved[:, 1].abs().max()) == 0.0
    assert torch.isfinite(inputs(torch.zeros(1, 2, 2, 3))).all()


def test_a_constant_cell_is_finite() -> None:
    inputs = InputLayer([True], np.ones((1, 2), bool))
    maps = np.stack([np.full(50, 5.0), np.linspace(1, 9, 50)], axis=1).reshape(50, 1, 1, 2).astype(np.float32)
    inputs.fit(maps)
    out = inputs(torch.from_numpy(maps))
    assert torch.isfinite(out).all()
    assert float(out[..., 0].abs().max()) == pytest.approx(0.0, abs=1e-5)


def test_level_is_seen_with_batch_norm() -> None:
    """The published instance norm hides how hard a muscle works; ours must not, or rest cannot be told."""
    spec = spec_for(ElectrodeLayout.grid(8, 8), ("rms",))
    torch.manual_seed(0)
    net = DisentanglingNet(spec, 2, NetworkConfig(widths=(4, 4, 4)), with_subject=False).eval()
    quiet = torch.rand(1, 1, 8, 8) + 1
    net.standardiser.fit(np.concatenate([quiet.numpy(), quiet.numpy() * 30]))
    latent, louder = net(quiet)[1], net(quiet * 20)[1]
    assert float(((latent - louder).norm() / latent.norm()).detach()) > 0.05


def test_shift_by_whole_cells_and_parts() -> None:
    maps = torch.arange(5.0).reshape(1, 1, 1, 5).repeat(3, 1, 1, 1)
    line = ElectrodeLayout.grid(1, 5)
    moved = shifted(maps, torch.tensor([1.0, -1.0, 0.5]), steps_along(line, 1, 2))[:, 0, 0]
    assert moved.tolist() == [[1, 2, 3, 4, 4], [0, 0, 1, 2, 3], [0.5, 1.5, 2.5, 3.5, 4.0]]
    ring = line.model_copy(update={"closed": True})
    turned = shifted(maps, torch.tensor([1.0, -1.0, 0.5]), steps_along(ring, 1, 2))[:, 0, 0]
    assert turned.tolist() == [[1, 2, 3, 4, 0], [4, 0, 1, 2, 3], [0.5, 1.5, 2.5, 3.5, 2.0]]
    rows = torch.arange(3.0).reshape(1, 1, 3, 1).repeat(1, 2, 1, 2)
    assert shifted(rows, torch.tensor([1.0]), steps_along(ElectrodeLayout.grid(3, 2), 0, 2))[0, 1, :, 1].tolist() == [
        1,
        2,
        2,
    ]


def test_a_shift_stays_within_its_field_and_skips_empty_cells() -> None:
    layout = ElectrodeLayout.parse(
        {
            "name": "two",
            "channels": [f"E{k}" for k in range(7)],
            "cells": [(0, column) for column in range(8) if column != 2],
            "shape": (1, 8),
            "closed": True,
            "arrays": [
                {"name": "a", "rows": (0, 0), "columns": (0, 3)},
                {"name": "b", "rows": (0, 0), "columns": (4, 5)},
                {"name": "c", "rows": (0, 0), "columns": (6, 7)},
            ],
            "touching": [["a", "c"], ["b"]],
        },
        what="test",
    )
    maps = torch.arange(8.0).reshape(1, 1, 1, 8).repeat(2, 1, 1, 1)
    moved = shifted(maps, torch.tensor([1.0, -2.0]), steps_along(layout, 1, 3))[:, 0, 0]
    # 3 ends its field, 5 ends b's, 7 goes on with 0; cell 2 is empty, so that 1 stays
    assert moved[0, [0, 1, 3, 4, 5, 6, 7]].tolist() == [1, 1, 3, 5, 5, 7, 0]
    # backwards: 0 → 6, 1 → 7, 3 → 1, b stays in b, 6 begins its field
    assert moved[1, [0, 1, 3, 4, 5, 6, 7]].tolist() == [6, 7, 1, 4, 4, 6, 6]


def test_gains_leave_counts_alone_and_no_augmentation_changes_nothing() -> None:
    layout = ElectrodeLayout.grid(3, 4)
    amplitude = torch.tensor([True, False]).reshape(1, 2, 1, 1)
    maps = torch.rand(5, 2, 3, 4) + 1
    loud = Augmenter(AugmentConfig(level_db=6, gain_db=3), layout, amplitude, torch.Generator().manual_seed(0))
    out = loud.move(maps)
    assert torch.equal(out[:, 1], maps[:, 1])
    assert bool((out[:, 0] != maps[:, 0]).all())
    still = Augmenter(AugmentConfig(), layout, amplitude, torch.Generator().manual_seed(0))
    assert torch.equal(still.move(maps), maps)
    assert torch.equal(still.drop(maps), maps)


def test_dropped_electrodes_are_dropped_in_every_map() -> None:
    layout = ElectrodeLayout.grid(8, 8)
    augment = Augmenter(
        AugmentConfig(drop_channels=0.25), layout, torch.ones(1, 3, 1, 1).bool(), torch.Generator().manual_seed(0)
    )
    out = augment.drop(torch.ones(40, 3, 8, 8))
    assert torch.equal(out[:, 0], out[:, 2])
    assert float((out == 0).float().mean()) == pytest.approx(0.25, abs=0.03)
