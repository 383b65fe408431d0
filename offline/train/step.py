"""One training step: network, optimisers and the samples they are fed from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from offline.config.foundation import TrainingConfig
from offline.config.loss import LossConfig
from offline.config.optimiser import OptimiserConfig
from offline.data.datasets import Int64
from offline.models.discriminator import Discriminator
from offline.models.encoder import Encoder
from offline.models.heads import TrainingHeads
from offline.models.two_branches import TwoBranchNet
from offline.models.window_networks import DisentanglingNet
from offline.train.augment import Augmenter
from offline.train.checkpoint import numpy_state, set_numpy_state
from offline.train.losses import losses
from offline.train.partners import Uniforms, complete
from offline.train.recorded import RecordedStep
from rt_handdt.core.types import Float32

RESIDENT_BYTES = 4 << 30  # maps up to this size move to the GPU once; more, batch by batch


class Stepper:
    """Trains on one batch at a time.

    Parameters
    ----------
    net
        With its standardiser fitted to the training samples, and to nothing else.
    maps, label, person
        (N, F, H, W), (N,), (N,): of all samples; people numbered from 0.
    rows
        Positions of the training samples.
    n_labels, n_people
        Labels; people trained on.
    generator
        Of the CPU: partners and augmentations are drawn by it.
    device
        Where the network lives.
    augment
        Changes to each batch's raw maps; None for none.
    heads_seed
        Of what is trained beside the network.
    """

    def __init__(
        self,
        net: TwoBranchNet,
        maps: Float32,
        label: Int64,
        person: Int64,
        rows: Int64,
        config: TrainingConfig,
        loss: LossConfig,
        settings: OptimiserConfig,
        device: torch.device,
        *,
        n_labels: int,
        n_people: int,
        one_person: bool,
        generator: torch.Generator,
        augment: Augmenter | None = None,
        heads_seed: int = 0,
    ) -> None:
        self.config, self.loss, self.device, self.net = config, loss, device, net.to(device)
        self._maps, self._label, self._person, self._augment = maps, label, person, augment
        self.dropout = np.random.Generator(np.random.SFC64([config.seed, 2]))
        for module in net.modules():
            if isinstance(module, Encoder):
                module.rng, module.fast = self.dropout, not config.compile
        self._encode = torch.compile(net.encode) if config.compile else net.encode
        self.generator, self.one_person = generator, one_person
        self.label, self.person = (torch.from_numpy(of).to(device) for of in (label, person))
        self.with_subject = loss.needs_subject(one_person)
        brings = isinstance(net, DisentanglingNet)
        people = 1 if one_person else n_people
        self.heads = TrainingHeads(
            net.latent_shape, n_labels, people, loss, heads_seed, classifies=bool(loss.classify) and not brings
        ).to(device)
        on_card = device.type == "cuda"
        kind = torch.optim.AdamW if settings.decoupled else torch.optim.Adam
        self.optimiser: torch.optim.Optimizer = kind(
            [*net.parameters(), *self.heads.parameters()],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
            capturable=on_card,
        )
        self.discriminator: Discriminator | None = None
        if loss.adversarial:
            self.discriminator = Discriminator(int(np.prod(maps.shape[1:]))).to(device)
            self.judge = torch.optim.Adam(
                self.discriminator.parameters(), lr=settings.discriminator_rate, fused=True, capturable=on_card
            )
        self._resident: Tensor | None = None
        self._recorded: RecordedStep | None = None
        if on_card and augment is None and maps.nbytes <= RESIDENT_BYTES:
            chunks = np.array_split(np.arange(len(maps)), max(1, len(maps) // 1024))
            self._resident = torch.cat([self.standardised(torch.from_numpy(part)) for part in chunks])
            # Others' code may wait for the card, and a rate that changes with each step would be recorded with each.
            if loss.recordable and settings.schedule == "steps" and not (config.compile or config.own):
                self._recorded = RecordedStep(self._step, self.generator, loss.draws(one_person), device)
        crosses = bool(loss.cross) and not one_person
        self._targets = self._cell_means(rows) if loss.cross_target == "mean" and crosses else None

    def step(self, rows: Int64, progress: float = 0.0) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Train on the samples at `rows`: the losses (with ``"total"``), and how many samples lacked partners.

        `progress` is the share of training that is over.
        """
        self.net.train()
        index = torch.from_numpy(rows)
        if self._recorded is not None and complete(self._label[rows], self._person[rows]):
            return self._recorded(index, float(self.optimiser.param_groups[0]["lr"]))
        return self._step(index.to(self.device), self.generator, progress)

    @torch.no_grad()
    def standardised(self, index: Tensor) -> Tensor:
        """Standardised maps of samples as they are, on the device."""
        if self._resident is not None:
            return self._resident[index]
        standardised: Tensor = self.net.standardiser(self._raw(index))
        return standardised

    def _raw(self, index: Tensor) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self._maps[index.cpu().numpy()])).to(self.device)

    def _step(
        self, index: Tensor, uniforms: Uniforms, progress: float = 0.0
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        label, person = self.label[index], self.person[index]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            if self._augment is None:
                shown = target = self.standardised(index)
            else:
                with torch.no_grad():
                    target = self.net.standardiser(self._augment.move(self._raw(index)))
                    shown = self._augment.drop(target)
            encoded = self._encode(shown, self.with_subject, target)
            goal = None if self._targets is None else self._targets[self._cells[index]]
            if self.discriminator is not None:
                self.discriminator.requires_grad_(False)  # it judges here and learns below
            found = losses(
                self.net,
                encoded,
                label,
                person,
                self.loss,
                uniforms,
                one_person=self.one_person,
                complete=not isinstance(uniforms, torch.Generator),
                progress=progress,
                cross_target=goal,
                discriminator=self.discriminator,
                heads=self.heads,
            )
        self.optimiser.zero_grad(set_to_none=True)
        found.total.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        terms = {name: term.detach() for name, term in {**found.terms, "total": found.total}.items()}
        if self.discriminator is not None:
            assert found.made is not None
            self.discriminator.requires_grad_(True)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
                own = self.discriminator.own_loss(target, found.made)
            self.judge.zero_grad(set_to_none=True)
            own.backward()  # type: ignore[no-untyped-call]
            self.judge.step()
            terms["discriminator"] = own.detach()
        return terms, found.without

    def state(self) -> dict[str, Any]:
        """All that further steps depend on."""
        out: dict[str, Any] = {
            "net": self.net.state_dict(),
            "heads": self.heads.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "dropout": numpy_state(self.dropout),
        }
        if self.discriminator is not None:
            out |= {"discriminator": self.discriminator.state_dict(), "judge": self.judge.state_dict()}
        return out

    def restore(self, content: dict[str, Any]) -> None:
        """Go to where `state` was taken."""
        self.net.load_state_dict(content["net"])
        self.heads.load_state_dict(content["heads"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.generator.set_state(content["generator"])
        set_numpy_state(self.dropout, content["dropout"])
        if self.discriminator is not None:
            self.discriminator.load_state_dict(content["discriminator"])
            self.judge.load_state_dict(content["judge"])
        for optimiser in (self.optimiser, *((self.judge,) if self.discriminator is not None else ())):
            for group in optimiser.param_groups:
                group["capturable"] = self.device.type == "cuda"  # a checkpoint may come from elsewhere

    @torch.no_grad()
    def _cell_means(self, rows: Int64) -> Tensor:
        """Standardised mean of the training samples of each gesture and person (cells, F, H, W)."""
        pairs = np.stack([self._person[rows], self._label[rows]], 1)
        cells, index = np.unique(pairs, axis=0, return_inverse=True)
        of_sample = np.zeros(len(self._label), np.int64)
        of_sample[rows] = index.reshape(-1)
        self._cells = torch.from_numpy(of_sample).to(self.device)
        of_cell = [torch.from_numpy(rows[index.reshape(-1) == cell]) for cell in range(len(cells))]
        return torch.stack([self.standardised(part.to(self.device)).mean(0) for part in of_cell])
