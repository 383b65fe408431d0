"""The vectorised loss terms against loops that a reader can check by eye."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional as F

from offline.config import LossConfig, NetworkConfig
from offline.models.window_networks import DisentanglingNet
from offline.train.losses import cross_reconstruction_loss, losses, reconstruction_loss, triplet_loss
from offline.train.partners import Partners, Roles, draw, hardest
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.spec import PipelineSpec

GESTURE = torch.tensor([0, 0, 1, 1, 2, 0, 1, 2, 2, 0])
PERSON = torch.tensor([0, 1, 0, 1, 0, 2, 2, 2, 1, 0])


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_net(*, with_subject: bool = True) -> DisentanglingNet:
    torch.manual_seed(3)
    layout = ElectrodeLayout.grid(3, 5)
    spec = PipelineSpec.parse(
        {"fs_hz": 512.0, "layout": layout, "band_hz": (20.0, 200.0), "features": ("rms", "zc")}, what="test"
    )
    return DisentanglingNet(spec, 3, NetworkConfig(widths=(4, 5, 6), dropout=0.0), with_subject=with_subject).eval()


@pytest.mark.parametrize("normalise", [True, False])
def test_triplet_equals_a_loop(normalise: bool) -> None:
    latent = torch.randn(len(GESTURE), 6, generator=generator())
    roles = Roles.of(GESTURE, PERSON)
    positive = draw(roles.pattern_near, generator(1))
    negative = draw(roles.pattern_far, generator(2))
    found = triplet_loss(latent, positive, negative, 0.3, normalise=normalise)

    rows = [row / row.norm() for row in latent] if normalise else list(latent)
    terms = []
    for n, row in enumerate(rows):
        if not (positive.found[n] and negative.found[n]):
            continue
        near = math.dist(row.tolist(), rows[int(positive.index[n])].tolist())
        far = math.dist(row.tolist(), rows[int(negative.index[n])].tolist())
        terms.append(max(0.0, near - far + 0.3))
    assert len(terms) == len(GESTURE)
    assert float(found) == pytest.approx(sum(terms) / len(terms), abs=1e-5)
    assert 0 < float(found) < 2.3


def test_a_window_without_partners_does_not_count() -> None:
    latent = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    positive = Partners(torch.tensor([1, 0, 0]), torch.tensor([True, False, False]))
    negative = Partners(torch.tensor([2, 2, 0]), torch.tensor([True, True, True]))
    # only window 0 has both: |a − p| − |a − n| + margin = 5 − 1 + 0.5
    assert float(triplet_loss(latent, positive, negative, 0.5, normalise=False)) == pytest.approx(4.5, abs=1e-4)
    none = Partners(positive.index, torch.zeros(3, dtype=torch.bool))
    assert float(triplet_loss(latent, none, negative, 0.5)) == 0.0


def test_drawn_partners_are_allowed_and_all_of_them_occur() -> None:
    roles = Roles.of(GESTURE, PERSON)
    allowed = roles.pattern_near
    seen: set[tuple[int, int]] = set()
    source = generator()
    for _ in range(200):
        partners = draw(allowed, source)
        for n, m in enumerate(partners.index.tolist()):
            assert GESTURE[n] == GESTURE[m]
            assert PERSON[n] != PERSON[m]
            seen.add((n, m))
    assert seen == {(n, m) for n, m in allowed.nonzero().tolist()}


def test_hard_mining_takes_the_extremes() -> None:
    latent = torch.randn(len(GESTURE), 4, generator=generator(5))
    roles = Roles.of(GESTURE, PERSON)
    positive = hardest(latent, roles.pattern_near, farthest=True)
    negative = hardest(latent, roles.pattern_far, farthest=False)
    for n in range(len(GESTURE)):
        friends = [m for m in range(len(GESTURE)) if GESTURE[m] == GESTURE[n] and PERSON[m] != PERSON[n]]
        others = [m for m in range(len(GESTURE)) if GESTURE[m] != GESTURE[n]]

        def distance(m: int, n: int = n) -> float:
            return math.dist(latent[n].tolist(), latent[m].tolist())

        assert int(positive.index[n]) == max(friends, key=distance)
        assert int(negative.index[n]) == min(others, key=distance)


def test_reconstruction_looks_at_electrodes_only() -> None:
    occupied = torch.ones(1, 1, 2, 2)
    occupied[0, 0, 1, 1] = 0
    wanted = torch.zeros(1, 3, 2, 2)
    given = torch.full((1, 3, 2, 2), 2.0)
    given[..., 1, 1] = 1e6
    assert float(reconstruction_loss(given, wanted, occupied)) == pytest.approx(4.0)


def test_cross_reconstruction_pairs_gesture_and_person_rightly() -> None:
    """Each window is rebuilt from its gesture by another person and from its person at another gesture."""
    net = small_net()
    encoded = net.encode(net.standardiser(torch.rand(len(GESTURE), 2, 3, 5, generator=generator(4)) * 50))
    roles = Roles.of(GESTURE, PERSON)
    pattern_from = draw(roles.pattern_near, generator(1))
    subject_from = draw(roles.subject_near, generator(2))
    found = cross_reconstruction_loss(net, encoded, pattern_from, subject_from)

    assert encoded.subject is not None
    terms = []
    for n in range(len(GESTURE)):
        p, s = int(pattern_from.index[n]), int(subject_from.index[n])
        assert GESTURE[p] == GESTURE[n]
        assert PERSON[p] != PERSON[n]
        assert GESTURE[s] != GESTURE[n]
        assert PERSON[s] == PERSON[n]
        made = net.decode(encoded.pattern[p : p + 1], encoded.subject[s : s + 1])[0]
        terms.append(float(((made - encoded.target[n]) ** 2).mean()))
    assert float(found) == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_total_is_the_weighted_sum_and_zero_weights_leave_terms_out() -> None:
    net = small_net()
    encoded = net.encode(net.standardiser(torch.rand(len(GESTURE), 2, 3, 5, generator=generator(4)) * 50))
    config = LossConfig(classify=2.0, reconstruct=0.7, triplet=0.5, cross=0.25)
    found = losses(net, encoded, GESTURE, PERSON, config, generator())
    terms = {**found.terms, "total": found.total}
    weights = {"classify": 2.0, "reconstruct": 0.7, "triplet_pattern": 0.5, "triplet_subject": 0.5, "cross": 0.25}
    assert set(terms) == {*weights, "total"}
    assert float(terms["total"]) == pytest.approx(sum(w * float(terms[name]) for name, w in weights.items()), rel=1e-6)
    assert float(terms["classify"]) == pytest.approx(float(F.cross_entropy(encoded.logits, GESTURE)), rel=1e-6)

    bare = losses(net, encoded, GESTURE, PERSON, LossConfig(reconstruct=0, triplet=0, cross=0), generator())
    assert set(bare.terms) == {"classify"}


def test_subject_terms_are_off_without_a_subject_encoder() -> None:
    net = small_net(with_subject=False)
    encoded = net.encode(net.standardiser(torch.rand(len(GESTURE), 2, 3, 5, generator=generator(4)) * 50))
    one = torch.zeros_like(PERSON)
    terms = losses(net, encoded, GESTURE, one, LossConfig(), generator(), one_person=True).terms
    assert set(terms) == {"classify", "triplet_pattern", "reconstruct"}
    assert float(terms["triplet_pattern"]) > 0  # with one person, other windows of the gesture are the positives
