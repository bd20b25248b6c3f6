"""Reversible and checkpointed layers under DistributedDataParallel: two ranks equal one process."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from distgnn.nn import DeepGCNLayer, GroupAddRev, SAGEConv

RANKS = 2
DEPTH = 4
EDGES = torch.tensor([[0, 1, 2, 3, 4, 5, 5, 2], [1, 2, 3, 4, 5, 0, 2, 2]])


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.conv = SAGEConv(channels, channels)

    def forward(self, x, edges):
        return self.conv(self.norm(x).relu(), edges)


class Deep(nn.Module):
    """Both kinds of layers, and one reversible block that is used twice."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 8)
        tied = GroupAddRev(Block(4), num_groups=2)
        rest = [GroupAddRev(Block(4), num_groups=2) for _ in range(DEPTH)]
        self.reversible = nn.ModuleList([tied, tied, *rest])
        self.checkpointed = nn.ModuleList(
            DeepGCNLayer(SAGEConv(8, 8), nn.LayerNorm(8), nn.ReLU(), ckpt_grad=True)
            for _ in range(DEPTH)
        )

    def forward(self, x, edges):
        h = self.first(x)
        for layer in [*self.reversible, *self.checkpointed]:
            h = layer(h, edges)
        return h


def build():
    torch.manual_seed(0)
    return Deep().double()


def inputs(rank):
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(rank)).double()


def work(rank, folder):
    torch.set_num_threads(1)
    store = dist.FileStore(str(Path(folder) / "store"), RANKS)
    dist.init_process_group("gloo", rank=rank, world_size=RANKS, store=store)
    for static_graph in (True, False):
        model = DistributedDataParallel(build(), static_graph=static_graph, bucket_cap_mb=0.0005)
        for _ in range(2):
            model.zero_grad()
            model(inputs(rank), EDGES).square().mean().backward()
        if rank == 0:
            torch.save([p.grad for p in model.parameters()], Path(folder) / f"{static_graph}.pt")
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.multiprocess
def test_two_ranks_equal_one_process(tmp_path):
    mp.spawn(work, (str(tmp_path),), nprocs=RANKS)
    model = build()
    loss = sum(model(inputs(rank), EDGES).square().mean() for rank in range(RANKS)) / RANKS
    loss.backward()
    for static_graph in (True, False):
        grads = torch.load(tmp_path / f"{static_graph}.pt")
        for ours, one in zip(grads, model.parameters(), strict=True):
            torch.testing.assert_close(ours, one.grad, rtol=1e-9, atol=1e-12)
