"""Checks of node ids and of events (source, destination, time)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    from torch import Tensor


def check_nodes(argument: str, nodes: Tensor, num_nodes: int) -> None:
    """Check that `nodes` is a vector of node ids.

    Values are looked at on the CPU only: on a GPU that would wait for the device.

    Raises:
        ArgumentError: Another type or shape, or an id that is negative or not below `num_nodes`.
    """
    if nodes.dtype != torch.int64 or nodes.dim() != 1:
        msg = f"{argument} is {nodes.dtype} of shape {list(nodes.shape)}, expected int64 [n]"
        raise ArgumentError(msg)
    if nodes.device.type != "cpu" or nodes.numel() == 0:
        return
    low, high = nodes.aminmax()
    if int(low) < 0 or int(high) >= num_nodes:
        wrong = int(low) if int(low) < 0 else int(high)
        msg = f"{argument} names node {wrong}, but there are {num_nodes} nodes (0 to num_nodes - 1)"
        raise ArgumentError(msg)


def check_events(src: Tensor, dst: Tensor, num_nodes: int, t: Tensor | None = None) -> None:
    """Check that events have two ends that exist, and a time each if `t` is given.

    Raises:
        ArgumentError: They have not.
    """
    check_nodes("src", src, num_nodes)
    check_nodes("dst", dst, num_nodes)
    if src.shape != dst.shape:
        msg = f"src has {src.numel()} events and dst {dst.numel()}: they must be as many"
        raise ArgumentError(msg)
    if t is not None and (t.dtype != torch.int64 or t.shape != src.shape):
        msg = (
            f"t is {t.dtype} of shape {list(t.shape)}, expected int64 {list(src.shape)}: a whole "
            f"number for each event; scale fractions of a second up"
        )
        raise ArgumentError(msg)
