"""The loss: which terms, how much each counts, and how partners are found."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from offline.config.own_names import OwnLoss


class LossConfig(OwnLoss):
    """Weights of the terms; 0 leaves one out.

    Attributes
    ----------
    classify, reconstruct, triplet, cross, adversarial
        Weight of the cross-entropy of a linear classifier of the gesture on the flat pattern latent, of the
        reconstruction, of each of the two triplet losses (λ1), of the cross-reconstruction (λ2), and of a discriminator
        of reconstructed maps, which is trained only where this is above 0. Published: 0, 1, 0.5, 1 and, since its loss
        never reached the encoders there, 0. With all but the first 0 a plain encoder is left.
    margin
        Of the triplets.
    normalise
        Compare latents by direction, so that the margin means the same at any size of the latent.
    mining
        Which positive and negative an anchor gets. ``"first"``: the r-th of the batch for the r-th anchor of its
        gesture and subject, as the public release pairs them. ``"random"``: any. ``"hard"``: farthest positive, nearest
        negative of the batch.
    cross_target
        What cross-reconstruction should give: ``"sample"`` of that gesture and subject, or the ``"mean"`` of all such
        training samples.
    label_smoothing
        Of the cross-entropy.
    contrast
        Weight of the supervised contrastive loss of the pattern latent (`offline.train.losses.contrast_loss`):
        samples of one gesture by other subjects (of one subject: its other samples) are to lie near one another
        and far from the rest.
    contrast_temperature
        Of its similarities: the smaller, the more the nearest samples count.
    subject_adversary
        Weight of a classifier that tells the training subjects apart by the pattern latent while the encoder learns to
        hide them from it (`offline.models.heads`). Ignored, and the run says so, where one subject is trained on.
    """

    classify: float = Field(1.0, ge=0)
    reconstruct: float = Field(1.0, ge=0)
    triplet: float = Field(0.5, ge=0)
    cross: float = Field(1.0, ge=0)
    adversarial: float = Field(0.0, ge=0)
    margin: float = Field(0.3, gt=0)
    normalise: bool = True
    mining: Literal["first", "random", "hard"] = "random"
    cross_target: Literal["sample", "mean"] = "sample"
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    contrast: float = Field(0.0, ge=0)
    contrast_temperature: float = Field(0.1, gt=0)
    subject_adversary: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _something(self) -> Self:
        own = self.own and self.own_weight
        if not (self.reconstruct or self.triplet or self.cross or self.classify or self.contrast or own):
            raise ValueError(
                "'reconstruct', 'triplet', 'cross', 'contrast' and 'classify' are all 0: nothing would be learnt; "
                "raise one"
            )
        return self

    @property
    def recordable(self) -> bool:
        """Whether a step may be recorded for a card: no term looks at values, or changes in the course of training."""
        return not (self.own or self.contrast or self.subject_adversary)

    @property
    def of_anybody(self) -> LossConfig:
        """Without the terms that know the training subjects alone."""
        return self.model_copy(update={"adversarial": 0.0, "subject_adversary": 0.0, "own": ""})

    def decodes(self, one_person: bool) -> bool:
        """Whether any term needs the decoder (with one subject there is no cross-reconstruction)."""
        return bool(self.reconstruct or self.adversarial or (self.cross and not one_person))

    def draws(self, one_person: bool) -> int:
        """How often partners are drawn in a step."""
        triplets = 2 * (1 if one_person else 2) if self.triplet and self.mining == "random" else 0
        return triplets + (2 if self.cross and not one_person else 0)

    def needs_subject(self, one_person: bool) -> bool:
        """Whether any term needs the subject latent."""
        return self.decodes(one_person) or bool(self.own or (self.triplet and not one_person))
