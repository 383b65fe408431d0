"""The method's networks: the fused encoder against the plain one, any grid, both decoders, the standardiser."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from offline.config.method import MethodNetworkConfig
from offline.models import fused
from offline.models.encoder import Encoder
from offline.models.geometry import Geometry
from offline.models.method_networks import MethodNet
from offline.models.standardise import Standardiser
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import RecordingError

WIDTHS = (8, 6, 5)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads waiting for each other cost more than these small networks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("shape", [(16, 16), (5, 7)])
def test_fused_encoder_equals_the_plain_one(norm: bool, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    encoder = Encoder(
        3, Geometry.whole(shape), MethodNetworkConfig(widths=WIDTHS, dropout=0.0, norm=norm, final_norm=False)
    ).double()
    maps = torch.randn(9, 3, *shape, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(9, 5, -(-shape[0] // 8), -(-shape[1] // 8), dtype=torch.float64)
    found = []
    for form in (encoder.forward, encoder.plain):
        encoder.zero_grad()
        maps.grad = None
        out = form(maps)
        (out * weight).sum().backward()
        assert maps.grad is not None
        grads = [part.grad.clone() for part in encoder.parameters() if part.grad is not None]
        found.append([out.detach(), maps.grad.clone(), *grads])
    assert len(found[0]) == 8
    for mine, wanted in zip(*found, strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("norm", [True, False])
def test_fused_dropout_is_dropout_before_the_norm(norm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "SLAB_VALUES", 200)  # several slabs, the last one smaller
    maps = torch.randn(7, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    weight = torch.randn(4, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)
    block = fused.Block(0.4, norm, 0.2)
    out = fused.encode(maps, [(weight, bias)], (block,), np.random.Generator(np.random.SFC64(5)))
    words = fused.draw_words((7, 9, 4), np.random.Generator(np.random.SFC64(5)))  # the same draw
    mask = fused.keep(words, 0.4, torch.empty(words.shape))
    mask = mask.permute(0, 2, 1).reshape(7, 4, 3, 3)
    wanted = F.conv2d(maps, weight, bias, 2, 1) * mask / 0.6
    wanted = F.leaky_relu(F.instance_norm(wanted) if norm else wanted, 0.2)
    torch.testing.assert_close(out, wanted)
    push = torch.randn_like(out)
    mine = torch.autograd.grad(out, (maps, weight, bias), push)
    for one, other in zip(mine, torch.autograd.grad(wanted, (maps, weight, bias), push), strict=True):
        torch.testing.assert_close(one, other)


def test_dropout_keeps_the_share_it_should() -> None:
    words = fused.draw_words((1000, 1001), np.random.Generator(np.random.SFC64(0)))
    keep = fused.keep(words, 0.1, torch.empty(words.shape))
    assert abs(float(keep.mean()) - 0.9) < 0.002
    assert abs(float(keep[:, 0].mean()) - 0.9) < 0.05
    assert abs(float(torch.corrcoef(torch.stack([keep[:, :-1].flatten(), keep[:, 1:].flatten()]))[0, 1])) < 0.005


@pytest.mark.parametrize("decoder", ["vae", "orig"])
@pytest.mark.parametrize("shape", [(16, 16), (1, 10), (16, 4), (1, 1), (9, 7)])
@pytest.mark.parametrize("inputs", [(4,), (5, 2)])
def test_any_grid_and_any_number_of_maps(decoder: str, shape: tuple[int, int], inputs: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    config = MethodNetworkConfig.parse({"widths": WIDTHS, "decoder": decoder, "amplitude_path": True}, what="test")
    net = MethodNet(inputs, ElectrodeLayout.grid(*shape), config)
    maps = torch.randn(6, sum(inputs), *shape)
    encoded = net(maps)
    assert encoded.pattern.shape == (6, 5 * len(inputs), -(-shape[0] // 8), -(-shape[1] // 8))
    assert net.latent_size == encoded.pattern[0].numel()
    made = net.decode(encoded.pattern, encoded.subject)
    assert made.shape == maps.shape
    made.square().mean().backward()
    for name, part in net.named_parameters():
        assert part.grad is not None, name
        assert torch.isfinite(part.grad).all(), name
    # A lone cell normalised would be 0 whatever came in.
    assert float(encoded.pattern.detach().std(0).max()) > 0.01


def test_the_published_sizes() -> None:
    net = MethodNet((4,), ElectrodeLayout.grid(16, 16), MethodNetworkConfig())
    assert net.latent_size == 512
    both = MethodNet((256, 4), ElectrodeLayout.grid(16, 16), MethodNetworkConfig())
    assert both.latent_size == 1024
    assert both.decoder.layers[0].weight.shape[0] == 512
    assert [encoder.convs[0].weight.shape[1] for encoder in both.encoders] == [256, 4, 256, 4]
    one = MethodNet((256, 4), ElectrodeLayout.grid(16, 16), MethodNetworkConfig(multi_input=False))
    assert one.latent_size == 512


@pytest.mark.parametrize(("settings", "slope"), [({}, 0.01), ({"decoder": "orig"}, 0.2), ({"decoder_slope": 0.3}, 0.3)])
def test_slopes_are_those_of_the_authors_code(settings: dict[str, object], slope: float) -> None:
    net = MethodNet((4,), ElectrodeLayout.grid(16, 16), MethodNetworkConfig.parse(settings, what="test"))
    found = [layer for layer in net.decoder.layers if isinstance(layer, torch.nn.LeakyReLU)]
    assert [layer.negative_slope for layer in found] == [slope, slope]
    assert {block.slope for encoder in net.encoders for block in encoder.blocks} == {0.2}


def test_level_is_lost_in_the_norms_and_kept_by_the_side_path() -> None:
    torch.manual_seed(0)
    maps = torch.randn(3, 2, 16, 16)
    for side in (False, True):
        net = MethodNet(
            (2,), ElectrodeLayout.grid(16, 16), MethodNetworkConfig(widths=WIDTHS, amplitude_path=side, dropout=0.0)
        )
        for encoder in net.encoders:
            for conv in encoder.convs:
                torch.nn.init.zeros_(conv.bias)
        change = (net.encode(maps * 3.0).pattern - net.encode(maps).pattern).abs().max()
        assert (float(change.detach()) > 0.01) is side


def test_standardiser_takes_the_training_statistics_only() -> None:
    rng = np.random.default_rng(0)
    occupied = np.ones((3, 4), bool)
    occupied[0, 0] = False
    maps = (rng.gamma(3.0, 1.0, (500, 2, 3, 4)) * np.array([1e-6, 50.0])[:, None, None]).astype(np.float32)
    maps[:, 1, 2, 2] = 7.0  # an electrode that never changes
    for log in (False, True):
        layer = Standardiser(2, occupied, log=log)
        layer.fit(maps)
        out = layer(torch.from_numpy(maps)).numpy()
        some = np.broadcast_to(occupied, (2, 3, 4)).copy()
        some[1, 2, 2] = False
        np.testing.assert_allclose(out.mean(0)[some], 0, atol=1e-4)
        np.testing.assert_allclose(out.std(0)[some], 1, rtol=1e-3)
        assert not out[:, ~some].any()
        # Others are scaled by the same numbers, not by their own.
        assert layer(torch.from_numpy(maps[:5] * 2)).mean() > 0.3
    maps[3, 0, 1, 1] = np.nan
    with pytest.raises(RecordingError, match="not numbers"):
        Standardiser(2, occupied, log=False).fit(maps)


def test_logarithms_only_where_nothing_is_negative() -> None:
    maps = np.random.default_rng(0).normal(size=(50, 2, 2, 2)).astype(np.float32)
    maps[:, 1] = np.abs(maps[:, 1])
    layer = Standardiser(2, np.ones((2, 2), bool), log=True)
    layer.fit(maps)
    assert layer.logged.flatten().tolist() == [False, True]
    assert torch.isfinite(layer(torch.from_numpy(-maps))).all()
