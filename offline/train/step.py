"""One training step: networks, optimisers and the data they are fed from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from offline.config.method import MethodConfig
from offline.data.datasets import Int64
from offline.data.feature_table import FeatureTable
from offline.models.discriminator import Discriminator
from offline.models.heads import TrainingHeads
from offline.models.method_networks import MethodNet
from offline.train.checkpoint import numpy_state, set_numpy_state
from offline.train.losses import losses
from offline.train.partners import Uniforms, complete
from offline.train.recorded import RecordedStep

RESIDENT_BYTES = 4 << 30  # a table up to this size moves to the GPU once; a larger one, batch by batch


class Stepper:
    """Trains on one batch at a time.

    Parameters
    ----------
    train
        The standardiser is fitted to it, and to nothing else.
    device
        Where the networks live.
    """

    def __init__(self, train: FeatureTable, config: MethodConfig, device: torch.device) -> None:
        self.config, self.device, self._table = config, device, train
        settings = config.optimiser
        net = MethodNet(train.inputs, train.layout, config.network)
        net.standardiser.fit(train.maps)
        self.net = net.to(device)
        self.dropout = np.random.Generator(np.random.SFC64([config.seed, 2]))
        for encoder in net.encoders:
            encoder.rng = self.dropout
            encoder.fast = not config.compile
        self._encode = torch.compile(net.encode) if config.compile else net.encode
        self.generator = torch.Generator().manual_seed(config.seed)
        self.label, self.person = (torch.from_numpy(of).to(device) for of in (train.label, train.person))
        self.one_person = len(np.unique(train.person)) == 1
        self.with_subject = config.loss.needs_subject(self.one_person)
        self.heads = TrainingHeads(
            net.latent_shape,
            len(train.gestures),
            1 if self.one_person else len(train.people),
            config.loss,
            config.seed,
            classifies=bool(config.loss.classify),
        ).to(device)
        learnt = [*net.parameters(), *self.heads.parameters()]
        on_card = device.type == "cuda"
        self.optimiser = torch.optim.Adam(
            learnt, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True, capturable=on_card
        )
        self.discriminator: Discriminator | None = None
        if config.loss.adversarial:
            self.discriminator = Discriminator(int(np.prod(train.maps.shape[1:]))).to(device)
            self.judge = torch.optim.Adam(
                self.discriminator.parameters(), lr=settings.discriminator_rate, fused=True, capturable=on_card
            )
        self._resident: Tensor | None = None
        self._recorded: RecordedStep | None = None
        if on_card and train.maps.nbytes <= RESIDENT_BYTES:
            chunks = np.array_split(np.arange(len(train)), max(1, len(train) // 1024))
            self._resident = torch.cat([self._standardised(torch.from_numpy(rows)) for rows in chunks])
            if config.loss.recordable and not (config.compile or config.own):  # others' code may wait for the card
                n_draws = config.loss.draws(self.one_person)
                self._recorded = RecordedStep(self._step, self.generator, n_draws, device)
        crosses = bool(config.loss.cross) and not self.one_person
        self._targets = self._cell_means() if config.loss.cross_target == "mean" and crosses else None

    def step(self, rows: Int64, progress: float = 0.0) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Train on the samples at `rows`: the losses (with ``"total"``), and how many samples lacked partners.

        `progress` is the share of training that is over.
        """
        self.net.train()
        index = torch.from_numpy(rows)
        if self._recorded is not None and complete(self._table.label[rows], self._table.person[rows]):
            return self._recorded(index, float(self.optimiser.param_groups[0]["lr"]))
        return self._step(index.to(self.device), self.generator, progress)

    def _standardised(self, index: Tensor) -> Tensor:
        """Standardised maps of training samples, on the device."""
        if self._resident is not None:
            return self._resident[index]
        maps = np.ascontiguousarray(self._table.maps[index.cpu().numpy()])
        standardised: Tensor = self.net.standardiser(torch.from_numpy(maps).to(self.device))
        return standardised

    def _step(
        self, index: Tensor, uniforms: Uniforms, progress: float = 0.0
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        label, person = self.label[index], self.person[index]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            target = self._standardised(index)
            encoded = self._encode(target, self.with_subject)
            goal = None if self._targets is None else self._targets[self._cells[index]]
            if self.discriminator is not None:
                self.discriminator.requires_grad_(False)  # it judges here and learns below
            found = losses(
                self.net,
                encoded,
                label,
                person,
                self.config.loss,
                uniforms,
                one_person=self.one_person,
                complete=not isinstance(uniforms, torch.Generator),
                cross_target=goal,
                discriminator=self.discriminator,
                heads=self.heads,
                progress=progress,
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
    def _cell_means(self) -> Tensor:
        """Standardised mean of the training samples of each gesture and person (cells, F, H, W)."""
        pairs = np.stack([self._table.person, self._table.label], 1)
        cells, index = np.unique(pairs, axis=0, return_inverse=True)
        self._cells = torch.from_numpy(index.reshape(-1)).to(self.device)
        of_cell = [torch.from_numpy(np.flatnonzero(index == cell)) for cell in range(len(cells))]
        return torch.stack([self._standardised(rows.to(self.device)).mean(0) for rows in of_cell])
