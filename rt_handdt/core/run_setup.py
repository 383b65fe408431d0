"""How the decisions of a run come about: beside a recording of it, all that is needed to decide it again."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_serializer

from rt_handdt.config import Settings
from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.velocity import VelocitySettings
from rt_handdt.errors import ConfigError

#: Names of what a setup knows by hash: the contents of a profile's files.
CALIBRATION, VELOCITIES = "calibration", "velocities"


class RunSetup(Settings):
    """What a run was begun with.

    Attributes
    ----------
    program
        Version of rt_handdt.
    model, fingerprint
        The bundle.
    provider
        Where the network ran.
    learn
        Whether it learnt the subject from the unlabelled stream.
    used_s
        Seconds of signal that the classifier had seen before; what it learnt of them is not written down.
    bad
        Names of the electrodes that were called bad.
    post_processing
        All settings, also those that are the default today.
    level_spans_uv
        Of a profile: from the subject's rest to a comfortable contraction, by gesture.
    calibration, velocities
        SHA-256 of the calibrated classifier and of the regression, as a profile holds them; empty without.
    velocity
        How velocities became commands; None without.

    Examples
    --------
    >>> setup = RunSetup(program="0.1", model="mine", fingerprint="af", provider="cpu", learn=False)
    >>> RunSetup.read(setup.text()) == setup
    True
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True)

    schema_: Literal["rt-handdt.setup/1"] = Field("rt-handdt.setup/1", alias="schema")
    program: str
    model: str
    fingerprint: str
    provider: str
    learn: bool
    used_s: float = 0.0
    bad: tuple[str, ...] = ()
    post_processing: DecoderSettings = DecoderSettings()
    level_spans_uv: dict[str, float] = Field(default_factory=dict)
    calibration: str = ""
    velocities: str = ""
    velocity: VelocitySettings | None = None

    @field_serializer("post_processing")
    def _whole(self, settings: DecoderSettings) -> dict[str, Any]:
        """A default may be another one by the time that it is read."""
        values = ((name, getattr(settings, name)) for name in type(settings).model_fields)
        return {name: value.model_dump() if isinstance(value, Settings) else value for name, value in values}

    def text(self) -> str:
        """As JSON, for a stream's description."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), separators=(",", ":"))

    @classmethod
    def read(cls, text: str, *, what: str = "The setup of a run") -> RunSetup:
        """What `text` has made.

        Raises
        ------
        ConfigError
            If it is none, or of a program that knows more.
        """
        try:
            data = _plain(json.loads(text))
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise ConfigError(f"{what}: must be a JSON object; got '{_plain(text[:40])}'.")
        return cls.parse(data, what=what)

    def sentence(self) -> str:
        """The same for people."""
        parts = ["learning the subject" if self.learn else "without learning"]
        parts.append("calibrated" if self.calibration else "not calibrated")
        if self.velocities:
            parts.append("with velocities")
        if self.bad:
            parts.append(f"without {', '.join(self.bad[:4])}{', …' if len(self.bad) > 4 else ''}")
        return f"Decided by {self.model} ({self.fingerprint}, {self.provider}), {', '.join(parts)}."


def _plain(value: Any) -> Any:
    """Values of a file without signs that steer a terminal: sentences are made of them."""
    if isinstance(value, str):
        signs = ("\N{REPLACEMENT CHARACTER}" if unicodedata.category(one) in ("Cc", "Cf") else one for one in value)
        return "".join(signs)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {_plain(name): _plain(one) for name, one in value.items()} if isinstance(value, dict) else value
