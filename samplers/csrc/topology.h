// The graph as Python sees it: views of numpy arrays that it keeps alive.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include "graph.h"

namespace distgnn {

class PyTopology {
 public:
  // nodes: per type (offsets, [index of each part]); edges: per type (source type, destination
  // type, key, [(indptr, src) of each part]). Of a part that is not open here None stands for the
  // index, and the number of edges for (indptr, src).
  PyTopology(const pybind11::list& nodes, const pybind11::list& edges, bool in_memory,
             int num_threads);

  const std::shared_ptr<const Graph>& graph() const { return graph_; }

 private:
  std::vector<pybind11::object> arrays_;
  std::shared_ptr<const Graph> graph_;
};

}  // namespace distgnn
