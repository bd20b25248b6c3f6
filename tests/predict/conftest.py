from tests.train.conftest import (  # noqa: F401
    foreign_graph_dir,
    graph_dir,
    make_config,
    other_partition_dir,
    raw_graph,
)
