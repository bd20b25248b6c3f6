"""Training: the loop, its configuration, checkpoints."""

from distgnn.train.checkpoint import Checkpoint, read_checkpoint
from distgnn.train.config import RunConfig
from distgnn.train.config_file import load_config, parse_config
from distgnn.train.run import TrainResult, train
from distgnn.train.trainer import Trainer

__all__ = [
    "Checkpoint",
    "RunConfig",
    "TrainResult",
    "Trainer",
    "load_config",
    "parse_config",
    "read_checkpoint",
    "train",
]
