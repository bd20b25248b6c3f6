"""Training: the loop, its configuration, checkpoints.

`distgnn.train.run.train` is the way in. It is not imported here, so that reading a configuration
(the command line's help) does not import torch.
"""

from distgnn.train.config import RunConfig
from distgnn.train.config_file import load_config

__all__ = ["RunConfig", "load_config"]
