"""The method's losses against loops, partners against their definition, batches against what they promise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from offline.config.method import MethodConfig, MethodLossConfig, MethodNetworkConfig
from offline.models.discriminator import Discriminator
from offline.models.heads import TrainingHeads
from offline.models.method_networks import MethodNet
from offline.train.batches import Batches
from offline.train.determinism import deterministic
from offline.train.losses import losses, triplet_loss
from offline.train.method_training import method_stepper
from offline.train.partners import Roles, complete, first, partners
from rt_handdt.core.layout import ElectrodeLayout
from tests.support.method_tables import method_table
from tests.support.released_step import released_losses

RNG = np.random.default_rng(3)
GESTURE = torch.from_numpy(RNG.integers(0, 4, 60))
PERSON = torch.from_numpy(RNG.integers(0, 3, 60))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads waiting for each other cost more than these small networks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def net_and_maps(shape: tuple[int, int] = (16, 16)) -> tuple[MethodNet, torch.Tensor]:
    torch.manual_seed(2)
    net = MethodNet((3,), ElectrodeLayout.grid(*shape), MethodNetworkConfig(widths=(12, 10, 8), dropout=0.0))
    return net, torch.randn(60, 3, *shape)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_same_values_and_gradients_as_six_encodings_and_loops() -> None:
    net, maps = net_and_maps()
    config = MethodLossConfig()
    found = []
    for form in ("ours", "released"):
        net.zero_grad()
        if form == "ours":
            made = losses(net, net.encode(maps), GESTURE, PERSON, config, generator(5))
            total, terms = made.total, made.terms
            assert int(made.without["triplet_pattern"]) == 1  # the loop leaves the same one out
        else:
            terms = released_losses(net, maps, GESTURE, PERSON, config, generator(5))
            total = terms.pop("total")
        total.backward()
        grads = {name: part.grad.clone() for name, part in net.named_parameters() if part.grad is not None}
        found.append((float(total), {name: float(term) for name, term in terms.items()}, grads))
    (ours, terms, grads), (released, wanted, wanted_grads) = found
    assert ours == pytest.approx(released, abs=2e-6)
    assert terms == pytest.approx(wanted, abs=2e-6)
    assert min(terms.values()) > 0.1
    assert grads.keys() == wanted_grads.keys()
    for name, grad in grads.items():
        if not name.endswith("bias"):  # a norm takes the bias out: its gradient is rounding
            torch.testing.assert_close(grad, wanted_grads[name], rtol=1e-3, atol=1e-4 * float(grad.abs().max()))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_complete_is_that_everybody_has_both_donors(samples: list[tuple[int, int]]) -> None:
    gesture, person = (np.array(each, np.int64) for each in zip(*samples, strict=True))
    roles = Roles.of(torch.from_numpy(gesture), torch.from_numpy(person))
    assert complete(gesture, person) == bool((roles.pattern_near.any(1) & roles.subject_near.any(1)).all())


@pytest.mark.parametrize("mining", ["first", "random", "hard"])
def test_numbers_drawn_before_give_the_losses_of_numbers_drawn_on_the_way(mining: Literal["first"]) -> None:
    config = MethodLossConfig(mining=mining)
    drawn, n = generator(5), len(GESTURE)
    tables = [torch.rand((n, n), generator=drawn) for _ in range(config.draws(one_person=False))]
    found = []
    for uniforms in (generator(5), iter(tables)):
        net, maps = net_and_maps((6, 5))
        ready = not isinstance(uniforms, torch.Generator)
        made = losses(net, net.encode(maps), GESTURE, PERSON, config, uniforms, complete=ready)
        found.append({name: float(term) for name, term in made.terms.items()})
        if ready:
            assert next(uniforms, None) is None  # as many as were said
    assert found[0] == found[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA card")
def test_on_a_card_a_recorded_step_is_the_step_that_was_recorded() -> None:
    table = method_table(people=4, gestures=5, repetitions=8, shape=(8, 8), inputs=(4,))
    config = MethodConfig(device="cuda", network={"dropout": 0.0})
    found = []
    for device in ("cpu", "cuda", "recorded"):
        with deterministic(config.model_copy(update={"device": device.replace("recorded", "cuda")})) as where:
            torch.manual_seed(0)
            stepper = method_stepper(table, config, where)
            if device == "cuda":
                stepper._recorded = None
            order = np.random.default_rng(0)
            steps = [stepper.step(order.permutation(len(table))[:96]) for _ in range(6)]
            assert (stepper._recorded is not None and stepper._recorded._played != {}) == (device == "recorded")
            found.append([float(terms["total"]) for terms, _ in steps])
    assert found[2][0] == pytest.approx(found[0][0], rel=1e-4)
    assert found[2] == pytest.approx(found[1], rel=2e-2)  # rounding grows from step to step
    assert found[2][-1] < found[2][0]


def test_first_pairs_in_batch_order() -> None:
    roles = Roles.of(GESTURE, PERSON)
    for near in (roles.pattern_near, roles.pattern_far, roles.subject_near, roles.subject_far):
        found = first(roles.cell, near)
        for n in range(len(GESTURE)):
            rank = int(((GESTURE[:n] == GESTURE[n]) & (PERSON[:n] == PERSON[n])).sum())
            allowed = near[n].nonzero().flatten()
            assert bool(found.found[n]) == (rank < len(allowed))
            if rank < len(allowed):
                assert int(found.index[n]) == int(allowed[rank])


def test_hard_mining_is_at_least_as_hard() -> None:
    latent = torch.randn(60, 5, generator=generator())
    roles = Roles.of(GESTURE, PERSON)
    table = roles.cell, roles.pattern_near, roles.pattern_far
    loss = {
        mining: float(triplet_loss(latent, *partners(mining, latent, *table, generator()), 0.3, normalise=False))
        for mining in ("first", "random", "hard")
    }
    assert loss["hard"] > 1.5 * max(loss["first"], loss["random"])
    for mining in ("first", "random", "hard"):
        positive, negative = partners(mining, latent, *table, generator())
        rows = torch.arange(60)
        assert roles.pattern_near[rows, positive.index][positive.found].all()
        assert roles.pattern_far[rows, negative.index][negative.found].all()


def test_the_verdict_reaches_the_encoders_and_not_the_judge() -> None:
    net, maps = net_and_maps((6, 5))
    judge = Discriminator(maps[0].numel())
    grads = []
    for weight in (0.0, 1.0):
        net.zero_grad()
        found = losses(
            net,
            net.encode(maps),
            GESTURE,
            PERSON,
            MethodLossConfig(adversarial=weight),
            generator(),
            discriminator=judge if weight else None,
        )
        found.total.backward()
        grads.append(net.encoders[0].convs[0].weight.grad.clone())
    assert float((grads[1] - grads[0]).abs().max()) > 1e-5
    net.zero_grad()
    judge.own_loss(maps, found.made).backward()
    assert all(part.grad is None for part in net.parameters())
    optimiser = torch.optim.Adam(judge.parameters(), 2e-3)
    before = float(judge.own_loss(maps, found.made).detach())
    for _ in range(20):
        optimiser.zero_grad()
        judge.own_loss(maps, found.made).backward()
        optimiser.step()
    assert float(judge.own_loss(maps, found.made).detach()) < 0.5 * before


def test_the_classifier_teaches_the_pattern_encoder_only() -> None:
    net, maps = net_and_maps((6, 5))
    config = MethodLossConfig(reconstruct=0, triplet=0, cross=0, classify=2.0)
    heads = TrainingHeads(net.latent_shape, 4, 3, config, 0, classifies=True)
    found = losses(net, net.encode(maps, False), GESTURE, PERSON, config, generator(), heads=heads)
    found.total.backward()
    logits = heads.gesture_logits(net.encode(maps).pattern)
    wanted = torch.nn.functional.cross_entropy(logits, GESTURE)
    assert float(found.terms["classify"]) == pytest.approx(float(wanted), abs=1e-5)
    assert float(found.total.detach()) == pytest.approx(2 * float(wanted), abs=1e-5)
    assert found.made is None
    reached = {name.split(".")[0] for name, part in net.named_parameters() if part.grad is not None}
    assert reached == {"pattern_encoders"}
    assert heads.gesture is not None
    assert heads.gesture.weight.grad is not None
    assert float(net.pattern_encoders[0].convs[0].weight.grad.abs().max()) > 1e-6


def test_cross_target_may_be_a_mean() -> None:
    net, maps = net_and_maps((6, 5))
    made = [
        losses(net, net.encode(maps), GESTURE, PERSON, MethodLossConfig(), generator(), cross_target=target).terms
        for target in (None, maps, torch.zeros_like(maps))
    ]
    assert float(made[0]["cross"]) == float(made[1]["cross"]) != float(made[2]["cross"])


def test_missing_partners_are_left_out_and_counted() -> None:
    net, maps = net_and_maps((6, 5))
    gesture = torch.tensor([0, 0, 1, 1, 2])  # gesture 2 was made by one person only
    person = torch.tensor([0, 1, 0, 1, 0])
    found = losses(net, net.encode(maps[:5]), gesture, person, MethodLossConfig(), generator())
    assert {name: int(n) for name, n in found.without.items()} == {
        "triplet_pattern": 1,
        "triplet_subject": 0,
        "cross": 1,
    }
    alone = losses(
        net, net.encode(maps[:5]), gesture, person * 0, MethodLossConfig(margin=99), generator(), one_person=True
    )
    assert set(alone.terms) == {"reconstruct", "triplet_pattern"}
    assert float(alone.terms["triplet_pattern"]) > 10
    assert int(alone.without["triplet_pattern"]) == 3  # in batch order: the second of each gesture, and the lone one


@pytest.mark.parametrize("batch", [512, 60, 25, 5])
def test_batches_cover_their_peoples_gestures(batch: int) -> None:
    gesture, person = np.asarray(GESTURE), np.asarray(PERSON)
    rare = (gesture == 1) & (person == 2)
    keep = ~rare | (np.cumsum(rare) <= 1)  # a cell with one sample
    keep &= ~((gesture == 0) & (person == 1))  # a cell with none
    gesture, person = gesture[keep], person[keep]
    dealer = Batches(gesture, person, batch, coverage=True)
    rng = np.random.default_rng(0)
    for _ in range(3):
        made = list(dealer.epoch(rng))
        assert set(np.concatenate(made)) == set(range(len(gesture)))
        sizes = [len(rows) for rows in made]
        assert max(sizes) - min(sizes) <= max(2, len(gesture) // 3)
        for rows in made:
            for who in np.unique(person[rows]):
                assert set(gesture[rows][person[rows] == who]) == set(gesture[person == who])
        if batch >= 12:
            assert all(len(np.unique(person[rows])) == 3 for rows in made)
    plain = list(Batches(gesture, person, batch, coverage=False).epoch(rng))
    assert sorted(np.concatenate(plain)) == list(range(len(gesture)))


def test_batches_of_the_published_setting() -> None:
    gesture, person, _ = (part.reshape(-1) for part in np.mgrid[:10, :16, :6])
    made = list(Batches(gesture, person, 512, coverage=True).epoch(np.random.default_rng(0)))
    assert [len(rows) for rows in made] == [480, 480]
