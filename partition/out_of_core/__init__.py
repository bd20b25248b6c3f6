"""Partitioning a graph that does not fit in memory, as stages of tasks over files.

    ingest      raw files to spools: checked columns, ids as rows          (a task a file)
    look up     ids that fit no table in memory: sorted out by hash        (a task a bucket)
    unique      duplicate edges, where they are not kept                   (a task a bucket)
    assign      the part of every node, the edges read in passes           (one task)
    scatter     spools to buckets: nodes by part, edges by destinations    (a task a file)
    assemble    buckets to shard files                                     (a task a part and type)
    commit      shard files and manifest under the final name              (one task)

A task reads files that earlier stages finished and writes files of its own, so a run goes on where
it stopped, tasks run anywhere, and the shards are those of the run in memory, byte for byte.
"""
