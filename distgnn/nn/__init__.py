"""The model zoo: everything public is importable from here."""

from distgnn.nn.linear import Linear
from distgnn.nn.models.jumping_knowledge import HeteroJumpingKnowledge, JumpingKnowledge
from distgnn.nn.models.mlp import MLP
from distgnn.nn.norm.batch_norm import BatchNorm
from distgnn.nn.reset import reset
from distgnn.nn.resolver import (
    activation_resolver,
    aggregation_resolver,
    normalization_resolver,
    swish,
)

__all__ = [
    "MLP",
    "BatchNorm",
    "HeteroJumpingKnowledge",
    "JumpingKnowledge",
    "Linear",
    "activation_resolver",
    "aggregation_resolver",
    "normalization_resolver",
    "reset",
    "swish",
]
