"""The sampler in slow, plain Python, written from its description: an oracle for the kernel."""

from hashlib import blake2b

import numpy as np

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15


def mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def child_key(parent: int, value: int) -> int:
    return mix((parent + GAMMA + mix((value + GAMMA) & MASK)) & MASK)


def words(key: int):
    """Yield the 32-bit words of a stream: halves of SplitMix64 words, low half first."""
    state = key
    while True:
        state = (state + GAMMA) & MASK
        word = mix(state)
        yield word & 0xFFFFFFFF
        yield word >> 32


def below(stream, bound: int) -> int:
    """Draw from 0 ... bound - 1 by multiplication, rejecting the words that would bias it."""
    while True:
        product = next(stream) * bound
        if product % (1 << 32) >= (1 << 32) % bound:
            return product >> 32


def draws(stream, degree: int, fanout: int, *, replace: bool) -> list[int]:
    if fanout == -1 or (not replace and fanout >= degree):
        return list(range(degree))
    if replace:
        return [below(stream, degree) for _ in range(fanout)] if degree else []
    places = list(range(degree))
    for i in range(fanout):
        j = i + below(stream, degree - i)
        places[i], places[j] = places[j], places[i]
    return places[:fanout]


def edge_type_key(edge_type) -> int:
    return int.from_bytes(blake2b("\0".join(edge_type).encode(), digest_size=8).digest(), "little")


def sample(raw, seeds, fanouts, *, replace=False, seed=0, epoch=0, batch=0):
    """Sample from raw tables; seeds and nodes are raw rows. Returns what `graphs.raw_rows` does."""
    batch_key = 0
    for value in (seed, epoch, batch):
        batch_key = child_key(batch_key, value)
    nodes = {name: list(seeds.get(name, [])) for name in raw.nodes}
    counts = {name: [len(rows)] for name, rows in nodes.items()}
    edges = {edge_type: ([], [], [], []) for edge_type in raw.edges if edge_type in fanouts}
    begin = dict.fromkeys(nodes, 0)
    for hop in range(len(next(iter(fanouts.values())))):
        end = {name: len(rows) for name, rows in nodes.items()}
        for edge_type, (sources, targets, eids, per_hop) in edges.items():
            src_type, _, dst_type = edge_type
            table = np.stack([raw.edges[edge_type].column(name) for name in ("src", "dst")])
            before = len(eids)
            for row in nodes[dst_type][begin[dst_type] : end[dst_type]]:
                found = np.flatnonzero(table[1] == row)
                found = found[np.argsort(table[0, found], kind="stable")]
                stream = words(child_key(child_key(batch_key, edge_type_key(edge_type)), row))
                for pick in draws(stream, len(found), fanouts[edge_type][hop], replace=replace):
                    source = int(table[0, found[pick]])
                    if source not in nodes[src_type]:
                        nodes[src_type].append(source)
                    sources.append(source)
                    targets.append(row)
                    eids.append(int(found[pick]))
            per_hop.append(len(eids) - before)
        for name, rows in nodes.items():
            counts[name].append(len(rows) - end[name])
        begin = end
    return nodes, edges, counts
