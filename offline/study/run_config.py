"""What one run of the study may be told: one frozen value, written into the run's folder."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from offline.config.method import MethodConfig
from offline.config.own_names import head
from offline.data.splits import Protocol
from offline.features.feature_config import FeatureConfig
from rt_handdt.config import Settings

Source = Literal["pattern", "subject"]


class PipelineConfig(Settings):
    """One condition: data, measure, split, method, classifiers.

    Attributes
    ----------
    data
        What `offline.features.named_sources.open_sources` takes.
    test_data
        Other data, all of whose people are test people (cross-subject); they may be of reserved seeds.
    layout
        A shipped name or a file; by default the data's own.
    protocol
        See `offline.data.splits`.
    test_subjects
        Cross-subject: who is tested.
    valid_people
        Cross-subject: how many training people are held out to choose by; None: 15 %, at least one; 0: none. In the
        other protocols 0 means no validation trials, anything else 15 % of them.
    train_session, test_session
        Cross-session.
    fold, folds
        Within-session: which of how many, from 1.
    classifiers, baselines
        On the latents; and on the log features themselves.
    bundle
        Classifier of the bundle for live use, written at the end; None: the first of `classifiers`; ``"none"``: no
        bundle.
    latents
        What is classified: the gesture from the pattern latent; the person from the subject latent.
    seed
        Of the split and the classifiers; the method has its own.
    """

    data: tuple[str, ...] = Field(min_length=1)
    test_data: tuple[str, ...] = ()
    layout: str | None = None
    protocol: Protocol = "cross-subject"
    test_subjects: tuple[str, ...] = ()
    valid_people: int | None = Field(None, ge=0)
    train_session: str = "1"
    test_session: str = "2"
    fold: int = Field(1, ge=1)
    folds: int = Field(3, ge=2)
    classifiers: tuple[str, ...] = Field(("knn", "svm", "rf"), min_length=1)
    baselines: tuple[str, ...] = ("lda", "svm")
    bundle: str | None = None
    latents: tuple[Source, ...] = Field(("pattern",), min_length=1)
    seed: int = Field(0, ge=0)
    features: FeatureConfig = FeatureConfig()
    method: MethodConfig = MethodConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.protocol == "cross-subject":
            if bool(self.test_subjects) == bool(self.test_data):
                raise ValueError("cross-subject needs either 'test_subjects' or 'test_data', and not both")
        elif self.test_subjects or self.test_data:
            raise ValueError(
                f"{self.protocol} tests the people it trains on; leave out 'test_subjects' and 'test_data'"
            )
        if self.fold > self.folds:
            raise ValueError(f"there are {self.folds} folds, so 'fold' cannot be {self.fold}")
        if self.method.keep != "last" and self.valid_people == 0:
            raise ValueError(f"keep = \"{self.method.keep}\" chooses by validation people; 'valid_people' cannot be 0")
        return self


def set_of_run(change: str) -> bool:
    """Whether a change ``KEY=VALUE`` is meant for the run (``features.window_s=0.3``) and not for its method."""
    return head(change) in PipelineConfig.model_fields and head(change) not in MethodConfig.model_fields
