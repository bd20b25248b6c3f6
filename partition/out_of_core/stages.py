"""The stages of a run, in order: which tasks each has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distgnn.exceptions import GraphDataError
from distgnn.partition.out_of_core.assemble import assemble_edges, assemble_nodes, node_schema
from distgnn.partition.out_of_core.assign import (
    assign,
    build_neighbours,
    forward_segments,
    lay_out,
    num_neighbour_buckets,
    scatter_neighbours,
)
from distgnn.partition.out_of_core.digest import digest_edges, digest_nodes
from distgnn.partition.out_of_core.edges import edge_schemas, segments, table_segments
from distgnn.partition.out_of_core.ingest import ingest_edges, ingest_nodes
from distgnn.partition.out_of_core.lookup import (
    NodeIds,
    ends_of,
    index_ids,
    look_up_bucket,
    scatter_ends,
    scatter_ids,
)
from distgnn.partition.out_of_core.scatter import scatter_edges, scatter_nodes
from distgnn.partition.out_of_core.tasks import write_facts
from distgnn.partition.out_of_core.unique import (
    find_repeats,
    num_pair_buckets,
    scatter_pairs,
    write_unique,
)
from distgnn.partition.partitioner import StreamPartitioner
from distgnn.partition.registry import find_partitioner
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from distgnn.partition.out_of_core.job import Job
    from distgnn.partition.out_of_core.tasks import Executor, Facts, Task
    from distgnn.partition.stages import Stages


class JobStages:
    """The stages of one run, up to the shard files."""

    def __init__(self, job: Job, executor: Executor, stages: Stages) -> None:
        self._job, self._executor, self._stages = job, executor, stages
        self._is_stream = isinstance(find_partitioner(job.method), StreamPartitioner)

    def run(self) -> None:
        """Run all tasks that are not done.

        Raises:
            GraphDataError: the tables make no graph.
            StorageError: the disk is full, or fails.
            TableError: a file cannot be read.
        """
        job = self._job
        self._stage("read nodes", self._node_tasks(ingest_nodes, "nodes"))
        for node_type in job.config.nodes:
            if not NodeIds.merged(job, node_type).num_rows:
                msg = (
                    f"node type {node_type!r} has no nodes; give its rows, or leave the type out "
                    "of the graph"
                )
                raise GraphDataError(msg)
            node_schema(job, node_type)
        self._ids()
        self._stage("read edges", self._edge_tasks(ingest_edges, "edges"))
        self._unique()
        edge_schemas(job)
        if self._is_stream:
            self._neighbours()
        self._stage("assignment", [job.task(assign, "assignment")])
        self._stage("layout", [job.task(lay_out, "layout")])
        self._stage("nodes by part", self._node_tasks(scatter_nodes, "node_parts"))
        self._stage("edges by part", self._segment_tasks(scatter_edges, "edge_parts"))
        self._assemble()
        types = [edge_key(schema.type) for schema in edge_schemas(job)]
        self._stage(
            "fingerprint",
            [job.task(digest_nodes, "digest_nodes", t) for t in job.config.nodes]
            + [job.task(digest_edges, "digest_edges", key) for key in types],
        )
        write_facts(job.marker("ready"), {})

    def _ids(self) -> None:
        job = self._job
        kinds = {t: NodeIds.merged(job, t).kind(job.bucket_bytes) for t in job.config.nodes}
        dense = [t for t, kind in kinds.items() if kind == "dense"]
        self._stage("ids", [job.task(index_ids, "dense_ids", t) for t in dense])
        bucketed = [t for t, kind in kinds.items() if kind == "buckets"]
        if not bucketed:
            return
        scattered = [
            job.task(scatter_ids, "ids", t, i) for t in bucketed for i in range(job.num_files(t))
        ]
        scattered += [
            job.task(scatter_ends, "ends", *end) for t in bucketed for end in ends_of(job, t)
        ]
        self._stage("ids by bucket", scattered)
        counts = {t: NodeIds.merged(job, t).num_buckets(job.bucket_bytes) for t in bucketed}
        self._stage(
            "ids to rows",
            [job.task(look_up_bucket, "found", t, b) for t in bucketed for b in range(counts[t])],
        )

    def _unique(self) -> None:
        job = self._job
        keys = [key for key, edge in job.config.edges.items() if edge.duplicates != "keep"]
        if not keys:
            return
        each = [(key, i) for key in keys for i in range(len(table_segments(job, key)))]
        self._stage("edges by ends", [job.task(scatter_pairs, "pairs", *one) for one in each])
        self._stage(
            "duplicates",
            [
                job.task(find_repeats, "repeats", key, bucket)
                for key in keys
                for bucket in range(num_pair_buckets(job, key))
            ],
        )
        self._stage("unique edges", [job.task(write_unique, "unique", *one) for one in each])

    def _neighbours(self) -> None:
        job = self._job
        self._stage(
            "neighbours",
            [
                job.task(scatter_neighbours, "neighbours", key, i)
                for key in job.config.edges
                for i in forward_segments(job, key)
            ],
        )
        buckets = range(num_neighbour_buckets(job))
        self._stage("adjacency", [job.task(build_neighbours, "rows", b) for b in buckets])

    def _assemble(self) -> None:
        job, parts = self._job, range(self._job.num_parts)
        types = [edge_key(schema.type) for schema in edge_schemas(job)]
        self._stage(
            "node shards",
            [
                job.task(assemble_nodes, "node_shards", node_type, part)
                for node_type in job.config.nodes
                for part in parts
            ],
        )
        self._stage(
            "edge shards",
            [job.task(assemble_edges, "edge_shards", key, p) for key in types for p in parts],
        )

    def _node_tasks(self, function: Any, stage: str) -> list[Task]:
        job = self._job
        return [
            job.task(function, stage, node_type, i)
            for node_type in job.config.nodes
            for i in range(job.num_files(node_type))
        ]

    def _edge_tasks(self, function: Any, stage: str) -> list[Task]:
        job = self._job
        return [
            job.task(function, stage, key, i)
            for key in job.config.edges
            for i in range(len(job.edge_files(key).files))
        ]

    def _segment_tasks(self, function: Any, stage: str) -> list[Task]:
        job = self._job
        return [
            job.task(function, stage, edge_key(schema.type), i)
            for schema in edge_schemas(job)
            for i in range(len(segments(job, schema.type)))
        ]

    def _stage(self, name: str, tasks: list[Task]) -> list[Facts]:
        if not tasks:
            return []
        with self._stages.stage(name, len(tasks)) as advance:
            return self._executor.run(tasks, advance)
