"""The end of a run: quality, what became of every row, manifest, final name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distgnn.partition.out_of_core.assemble import SHARDS, node_schema
from distgnn.partition.out_of_core.digest import fingerprint
from distgnn.partition.out_of_core.edges import (
    edge_place,
    edge_schemas,
    segments,
    table_of,
    table_segments,
)
from distgnn.partition.out_of_core.lookup import NodeIds
from distgnn.partition.out_of_core.report import Integrity
from distgnn.partition.pipeline import stats_of
from distgnn.partition.quality import Quality, quality_of
from distgnn.schema import GraphSchema, edge_key
from distgnn.shards.manifest import (
    MANIFEST_NAME,
    FileEntry,
    ManifestInfo,
    edge_file,
    load_manifest,
    node_file,
)
from distgnn.shards.writer import ShardWriter

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.partition.out_of_core.job import Job
    from distgnn.shards.manifest import Manifest


def job_quality(job: Job) -> Quality:
    """Return the quality of the assignment, from what was counted on the way."""
    layout = job.facts("layout")
    found = [
        job.facts("edge_parts", edge_key(schema.type), i)
        for schema in edge_schemas(job)
        for i in range(len(segments(job, schema.type)))
    ]
    return quality_of(
        num_edges=int(sum(layout["edge_loads"])),
        num_cut=sum(facts["cut"] for facts in found),
        num_loops=sum(facts["loops"] for facts in found),
        node_loads=np.sum([np.diff(o) for o in layout["offsets"].values()], axis=0),
        edge_loads=np.array(layout["edge_loads"]),
        train_loads=np.array(layout["train_loads"]),
    )


def commit(job: Job, out: Path, quality: Quality, *, overwrite: bool) -> Manifest:
    """Give the shard files their final names, and write the manifest.

    Raises:
        OutputExistsError: `out` exists and may not be replaced.
        StorageError: the disk is full, or fails.
    """
    schema = _schema(job)
    with ShardWriter(out, schema, job.num_parts, overwrite=overwrite) as writer:
        for part in range(job.num_parts):
            for node_type in schema.node_types:
                relative = node_file(part, node_type)
                facts = job.facts("node_shards", node_type, part)
                writer.adopt(relative, job.work / SHARDS / relative, FileEntry(**facts["entry"]))
            for edge_type in schema.edge_types:
                relative = edge_file(part, edge_type)
                facts = job.facts("edge_shards", edge_key(edge_type), part)
                writer.adopt(
                    relative,
                    job.work / SHARDS / relative,
                    FileEntry(**facts["entry"]),
                    num_edges=facts["edges"],
                    sources=None if facts["sources"] is None else tuple(facts["sources"]),
                )
        return writer.commit(
            ManifestInfo(
                name=job.name,
                fingerprint=fingerprint(job, schema),
                method=job.method,
                balance=job.balance,
                seed=job.seed,
                stats=stats_of(quality, job.balance),
            )
        )


def is_committed(job: Job, out: Path) -> bool:
    """Return whether the graph at `out` is what this run, stopped while it ended, has written."""
    if not (out / MANIFEST_NAME).exists() or not job.marker("ready").exists():
        return False
    manifest, schema = load_manifest(out), _schema(job)
    made = (manifest.made.method, manifest.made.balance, manifest.made.seed, manifest.num_parts)
    return (
        made == (job.method, job.balance, job.seed, job.num_parts)
        and manifest.schema == schema
        and manifest.fingerprint == fingerprint(job, schema)
    )


def _schema(job: Job) -> GraphSchema:
    return GraphSchema(
        nodes=tuple(node_schema(job, t) for t in job.config.nodes),
        edges=tuple(edge_schemas(job)),
    )


def job_integrity(job: Job) -> list[Integrity]:
    """Return what became of the rows of every table.

    Raises:
        StorageError: rows were lost.
    """
    found = []
    for node_type in job.config.nodes:
        offsets = job.facts("layout")["offsets"][node_type]
        rows = NodeIds.merged(job, node_type).num_rows
        found.append(Integrity(table=f"nodes {node_type}", rows_in=rows, rows_out=offsets[-1]))
    for schema in edge_schemas(job):
        key, is_reverse = table_of(job, schema.type)
        facts = [job.facts("edges", key, i) for i in range(len(job.edge_files(key).files))]
        shards = [job.facts("edge_shards", edge_key(schema.type), p) for p in range(job.num_parts)]
        all_segments = table_segments(job, key)
        dropped = sum(s.num_rows for s in all_segments) - sum(
            s.num_rows for s in segments(job, schema.type)
        )
        firsts = [shard["first_repeat"] for shard in shards if shard["first_repeat"] is not None]
        places = [fact["first_dangling"] for fact in facts if fact["first_dangling"]]
        found.append(
            Integrity(
                table=f"edges {edge_key(schema.type)}" + (f" (reverse of {key})" * is_reverse),
                rows_in=sum(fact["counts"]["read"] for fact in facts),
                dangling=sum(fact["counts"]["dangling"] for fact in facts),
                first_dangling=places[0] if places else None,
                loops=sum(fact["counts"]["loops"] for fact in facts),
                reverse_copies=sum(s.num_rows for s in all_segments if s.without_loops),
                dropped_duplicates=dropped,
                kept_duplicates=sum(shard["repeats"] for shard in shards),
                first_duplicate=edge_place(job, key, min(firsts)) if firsts else None,
                rows_out=sum(shard["edges"] for shard in shards),
            )
        )
    for one in found:
        one.check()
    return found
