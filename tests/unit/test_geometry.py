"""An encoder that respects the layout: closed axes, fields of their own, sizes of the latent, and the same in ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from offline.bundle.writing import to_onnx
from offline.config import NetworkConfig, TrainConfig
from offline.models.decoders import Decoder
from offline.models.encoder import Encoder
from offline.models.geometry import Geometry
from offline.models.window_networks import DisentanglingNet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError
from rt_handdt.paths import layout_path

ONES = ((1, 1), (1, 1), (1, 1))
TWOS = ((2, 2), (2, 2), (2, 2))
Block = tuple[str, tuple[int, int], tuple[int, int]]


def layout_of(height: int, width: int, *blocks: Block, **more: Any) -> ElectrodeLayout:
    """A grid filled where the blocks are, or wholly."""
    arrays = [{"name": name, "rows": rows, "columns": columns} for name, rows, columns in blocks]
    cells = [
        (row, column)
        for row in range(height)
        for column in range(width)
        if not blocks or any(r[0] <= row <= r[1] and c[0] <= column <= c[1] for _, r, c in blocks)
    ]
    data = {"name": "made", "channels": [f"E{k}" for k in range(len(cells))], "cells": cells, "shape": (height, width)}
    return ElectrodeLayout.parse({**data, "arrays": arrays, **more}, what="made")


def encoder(layout: ElectrodeLayout, strides: Any = "auto", norm: str = "batch", maps: int = 2) -> Encoder:
    config = NetworkConfig.model_validate({"widths": (5, 6, 7), "norm": norm, "strides": strides})
    torch.manual_seed(3)
    return Encoder(maps, Geometry.of(layout, config.strides), config).eval()


def ring(width: int, height: int = 1, around: str = "columns") -> ElectrodeLayout:
    return layout_of(height, width, closed=True, around=around)


HYSER = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
# Two arrays that touch across the seam, one by itself; a bent field beside a small one; a ring and half of one.
SEAM = layout_of(
    *(6, 12),
    *(("a", (0, 5), (0, 2)), ("b", (0, 5), (3, 6)), ("c", (0, 5), (7, 11))),
    **{"closed": True, "touching": [["a", "c"], ["b"]]},
)
BENT = layout_of(
    *(8, 9),
    *(("tall", (0, 7), (0, 1)), ("low", (7, 7), (2, 8)), ("small", (0, 5), (3, 8))),
    **{"touching": [["tall", "low"], ["small"]]},
)
RINGS = layout_of(
    *(5, 9),
    *(("whole", (0, 1), (0, 8)), ("half", (2, 4), (2, 6))),
    **{"closed": True, "touching": [["whole"], ["half"]]},
)
ODD = {"seam": SEAM, "bent": BENT, "rings": RINGS}


@settings(max_examples=25, deadline=None)
@given(
    width=st.integers(2, 13),
    height=st.integers(1, 3),
    turn=st.integers(0, 12),
    around=st.sampled_from(["columns", "rows"]),
)
def test_turning_a_closed_ring_turns_the_feature_maps(width: int, height: int, turn: int, around: str) -> None:
    shape = (height, width) if around == "columns" else (width, height)
    layout = layout_of(*shape, closed=True, around=around)
    net, axis = encoder(layout, ONES), 3 if around == "columns" else 2
    maps = torch.randn(2, 2, *shape)
    with torch.no_grad():
        turned = net(maps.roll(turn, axis))
        assert torch.allclose(turned, net(maps).roll(turn, axis), atol=1e-5)


@pytest.mark.parametrize("turn", [8, 16])
def test_with_strides_turns_by_whole_strides_turn_the_maps_too(turn: int) -> None:
    net = encoder(ring(32, height=3), TWOS)
    maps = torch.randn(2, 2, 3, 32)
    with torch.no_grad():
        assert torch.allclose(net(maps.roll(turn, 3)), net(maps).roll(turn // 8, 3), atol=1e-5)


def test_an_open_row_is_not_closed_by_mistake() -> None:
    net = encoder(layout_of(1, 10), ONES)
    maps = torch.randn(1, 2, 1, 10)
    with torch.no_grad():
        assert not torch.allclose(net(maps.roll(1, 3)), net(maps).roll(1, 3), atol=1e-3)
        changed = maps.clone()
        changed[..., 0] += 1.0
        assert torch.equal(net(maps)[..., 6:], net(changed)[..., 6:])  # the far end is out of sight


def test_the_decoder_closes_the_ring_as_well() -> None:
    config = NetworkConfig(widths=(5, 6, 7), strides=ONES)
    torch.manual_seed(0)
    decoder = Decoder(7, 2, Geometry.of(ring(10), config.strides), config).eval()
    latent = torch.randn(2, 7, 1, 10)
    with torch.no_grad():
        assert torch.allclose(decoder(latent.roll(3, 3)), decoder(latent).roll(3, 3), atol=1e-5)
    halving = Decoder(7, 2, Geometry.of(ring(32), "auto"), config).eval()
    latent = torch.randn(2, 7, *Geometry.of(ring(32), "auto").latent_shape)
    with torch.no_grad():
        assert torch.allclose(halving(latent.roll(1, 3)), halving(latent).roll(4, 3), atol=1e-5)


@pytest.mark.parametrize("layout", [HYSER, *ODD.values()], ids=["hyser", *ODD])
@pytest.mark.parametrize("strides", ["auto", ONES, TWOS])
def test_a_change_in_one_field_changes_no_other_fields_activations(layout: ElectrodeLayout, strides: Any) -> None:
    net = encoder(layout, strides)
    geometry = Geometry.of(layout, strides)
    seen: list[torch.Tensor] = []
    for layer in net.convs:
        layer.register_forward_hook(lambda module, given, out: seen.append(out))
    occupied = torch.from_numpy(np.asarray(layout.occupied))
    maps = torch.randn(1, 2, *layout.shape) * occupied
    with torch.no_grad():
        net(maps)
        before, seen[:] = list(seen), []
        for changed in range(geometry.n_fields):
            cells = torch.from_numpy(geometry.source[changed][geometry.inside[0][changed]])
            other = maps.flatten(2).clone()
            other[:, :, cells] += torch.randn(1, 2, len(cells))
            net(other.reshape(maps.shape) * occupied)
            for old, new in zip(before, seen, strict=True):
                same = [torch.equal(old[field], new[field]) for field in range(geometry.n_fields)]
                assert same == [field != changed for field in range(geometry.n_fields)]
            seen.clear()


@pytest.mark.parametrize("layout", ODD.values(), ids=ODD)
@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("strides", [ONES, TWOS])
def test_each_of_unequal_fields_is_convolved_as_if_it_were_alone(
    layout: ElectrodeLayout, norm: str, strides: Any
) -> None:
    net, geometry = encoder(layout, strides, norm), Geometry.of(layout, strides)
    maps = torch.randn(3, 2, *layout.shape) * torch.from_numpy(np.asarray(layout.occupied))
    with torch.no_grad():
        flat = net(maps).flatten(2)
        found = torch.zeros(3, 7, geometry.inside[-1].size)
        found[:, :, torch.from_numpy(geometry.latent_cells)] = flat
        height, width = geometry.sizes[-1]
        found = found.reshape(3, 7, geometry.n_fields, height, width)
        around = "columns" if geometry.axis == 3 else "rows"
        compared = 0
        for number in range(geometry.n_fields):
            inside = geometry.inside[0][number]
            own_h, own_w = int(inside.any(1).sum()), int(inside.any(0).sum())
            alone_layout = layout_of(own_h, own_w, closed=geometry.closed[number], around=around)
            alone = encoder(alone_layout, strides, norm)
            alone_geometry = Geometry.of(alone_layout, strides)
            if alone_geometry.kernel(0) != geometry.kernel(0):
                continue
            own = maps.flatten(2)[:, :, torch.from_numpy(geometry.source[number])]
            own = (own * torch.from_numpy(inside))[:, :, :own_h, :own_w]
            if not inside[:own_h, :own_w].all():
                continue  # a bent field has cells outside that a rectangle would not have
            try:
                alone.load_state_dict(net.state_dict())
            except RuntimeError:  # one cell wide further on: a smaller kernel
                continue
            h, w = alone_geometry.sizes[-1]
            assert torch.allclose(found[:, :, number, :h, :w], alone(own), atol=1e-5)
            compared += 1
    assert compared >= 1


@pytest.mark.parametrize(
    ("layout", "wanted"),
    [
        (layout_of(16, 16), (2, 2)),
        (HYSER, (2, 2)),
        (layout_of(16, 4), (4, 2)),
        (layout_of(8, 16), (2, 4)),
        (layout_of(8, 8), (2, 2)),
        (ring(10), (1, 10)),
        (ring(16), (1, 8)),
        (layout_of(1, 64), (1, 8)),
        (layout_of(10, 1, closed=True, around="rows"), (10, 1)),
        (layout_of(3, 5), (3, 5)),
        (layout_of(2, 8), (2, 4)),
        (layout_of(1, 1), (1, 1)),
    ],
    ids=lambda value: "x".join(map(str, value)) if isinstance(value, tuple) else f"{value.name}{value.shape}",
)
def test_the_latent_keeps_what_a_small_grid_has(layout: ElectrodeLayout, wanted: tuple[int, int]) -> None:
    assert Geometry.of(layout).latent_shape == wanted


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 18),
    closed=st.booleans(),
    strides=st.sampled_from(["auto", ONES, TWOS, ((2, 1), (1, 2), (2, 2))]),
)
def test_any_grid_comes_back_from_any_latent(height: int, width: int, closed: bool, strides: Any) -> None:
    layout = layout_of(height, width, closed=closed)
    config = NetworkConfig(widths=(3, 4, 5), strides=strides)
    spec = PipelineSpec.parse({"fs_hz": 512.0, "layout": layout, "band_hz": (20.0, 200.0)}, what="test")
    net = DisentanglingNet(spec, 3, config, with_subject=True).eval()
    geometry = Geometry.of(layout, config.strides)
    assert net.latent_shape == (5, *geometry.latent_shape)
    assert all(
        stride == (1, 1) or size != (1, 1) for stride, size in zip(geometry.strides, geometry.sizes, strict=False)
    )
    if strides == "auto":
        n_cells = height * width
        assert geometry.latent_shape == (height, width) if n_cells < 16 else int(np.prod(geometry.latent_shape)) >= 4
    encoded = net.encode(net.standardiser(torch.rand(2, *spec.frame_shape) * 40))
    assert encoded.pattern.shape == (2, *net.latent_shape)
    assert net.decode(encoded.pattern, encoded.subject).shape == (2, *spec.frame_shape)
    assert net.decode(encoded.pattern, encoded.subject).shape == (2, *spec.frame_shape)


@pytest.mark.parametrize("layout", ODD.values(), ids=ODD)
def test_odd_fields_come_back_to_their_cells(layout: ElectrodeLayout) -> None:
    """Each field's latent paints that field's cells and no other's."""
    config = NetworkConfig(widths=(3, 4, 5), strides=TWOS)
    geometry = Geometry.of(layout, config.strides)
    torch.manual_seed(0)
    decoder = Decoder(5, 2, geometry, config).eval()
    owner = geometry.inside[-1] * (1 + np.arange(geometry.n_fields))[:, None, None]
    owner_of_latent = owner.reshape(-1)[geometry.latent_cells]
    latent = torch.randn(1, 5, *geometry.latent_shape)
    with torch.no_grad():
        plain = decoder(latent)
        for number in range(geometry.n_fields):
            changed = latent.flatten(2).clone()
            changed[:, :, torch.from_numpy(owner_of_latent == number + 1)] += 1.0
            moved = (decoder(changed.reshape(latent.shape)) != plain).any(1)[0].flatten().numpy()
            own = np.zeros(moved.size, bool)
            own[geometry.source[number][geometry.inside[0][number]]] = True
            assert moved[own].any()
            assert not moved[~own].any()


def test_empty_cells_stay_zero_at_the_input_and_say_nothing() -> None:
    layout = layout_of(4, 4, ("a", (0, 3), (0, 1)), ("b", (0, 1), (2, 3)))
    spec = PipelineSpec.parse({"fs_hz": 512.0, "layout": layout, "band_hz": (20.0, 200.0)}, what="test")
    net = DisentanglingNet(spec, 3, NetworkConfig(widths=(3, 4, 5)), with_subject=False).eval()
    maps = torch.rand(2, *spec.frame_shape) * 40
    other = maps + 100.0 * ~torch.from_numpy(np.asarray(layout.occupied))
    with torch.no_grad():
        assert torch.equal(net(maps)[1], net(other)[1])


def test_instance_norm_is_refused_where_a_field_has_one_cell() -> None:
    tiny = layout_of(2, 3, ("a", (0, 1), (0, 1)), ("b", (0, 0), (2, 2)), touching=[["a"], ["b"]])
    spec = PipelineSpec.parse({"fs_hz": 512.0, "layout": tiny, "band_hz": (20.0, 200.0)}, what="test")
    with pytest.raises(ConfigError, match="instance norm needs two cells"):
        DisentanglingNet(spec, 3, NetworkConfig(norm="instance"), with_subject=False)


def test_strides_are_one_or_two() -> None:
    assert TrainConfig.parse({"network": {"strides": [[2, 2], [2, 1], [1, 1]]}}, what="it").network.strides[1] == (2, 1)
    for wrong in ([[3, 1], [1, 1], [1, 1]], [[1, 1]], "none"):
        with pytest.raises(ConfigError, match="strides"):
            TrainConfig.parse({"network": {"strides": wrong}}, what="it")


@pytest.mark.parametrize(
    ("layout", "strides"),
    [(HYSER, "auto"), (ring(10), "auto"), (SEAM, TWOS), (BENT, "auto"), (RINGS, TWOS)],
    ids=["hyser", "ring", *ODD],
)
def test_onnx_computes_what_torch_does(layout: ElectrodeLayout, strides: Any) -> None:
    spec = PipelineSpec.parse({"fs_hz": 512.0, "layout": layout, "band_hz": (20.0, 200.0)}, what="test")
    torch.manual_seed(1)
    config = NetworkConfig(widths=(6, 7, 8), strides=strides)
    net = DisentanglingNet(spec, 4, config, with_subject=True)
    maps = torch.rand(9, *spec.frame_shape) * 80
    net.standardiser.fit(maps.numpy())
    net.train()
    for _ in range(3):  # running statistics that are not the initial ones
        net(maps)
    net.eval()
    model = to_onnx(net, maps[:2], "features", ["probabilities", "latent"])
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for n in (1, 9):
        probabilities, latent = session.run(["probabilities", "latent"], {"features": maps[:n].numpy()})
        with torch.no_grad():
            wanted, wanted_latent = net(maps[:n])
        assert np.abs(probabilities - wanted.numpy()).max() < 1e-5
        assert np.abs(latent - wanted_latent.numpy()).max() < 1e-5 * max(1.0, float(wanted_latent.abs().max()))
