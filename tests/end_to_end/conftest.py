from tests.train.conftest import graph_dir, raw_graph  # noqa: F401
