"""What training may be told; `offline.config.training` for windows, `offline.config.method` for trials."""

from offline.config.loss import LossConfig
from offline.config.network import NetworkConfig, Strides
from offline.config.optimiser import OptimiserConfig
from offline.config.training import (
    VALID_SHARE,
    AugmentConfig,
    PersonConfig,
    PipelineConfig,
    TrainConfig,
    ValidationConfig,
)

__all__ = [
    "VALID_SHARE",
    "AugmentConfig",
    "LossConfig",
    "NetworkConfig",
    "OptimiserConfig",
    "PersonConfig",
    "PipelineConfig",
    "Strides",
    "TrainConfig",
    "ValidationConfig",
]
