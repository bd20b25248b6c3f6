// The graph as Python sees it: views of numpy arrays that it keeps alive.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include "columns.h"
#include "draw_hop.h"
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

// Weights of edges, or times of edges and nodes: per type a list with the column of each part, None
// for a part that is not open, or None for a type without.
class PyWeights {
 public:
  PyWeights(std::shared_ptr<PyTopology> topology, const pybind11::list& edges, int num_threads);
  const Weights* get() const { return &weights_; }

 private:
  std::vector<pybind11::object> arrays_;
  Weights weights_;
};

class PyTimes {
 public:
  PyTimes(std::shared_ptr<PyTopology> topology, const pybind11::list& edges,
          const pybind11::list& nodes, int num_threads);
  const Times* get() const { return &times_; }

 private:
  std::vector<pybind11::object> arrays_;
  Times times_;
};

// A rule as Python gives it, keeping the columns alive.
struct PyRule {
  DrawRule rule;
  std::shared_ptr<PyWeights> weights;
  std::shared_ptr<PyTimes> times;
};

// The times of `count` nodes or seeds: null, and none given, if the rule has none. Throws
// ArgumentError otherwise.
const int64_t* checked_times(const PyRule& rule, const pybind11::object& times, int64_t count);

}  // namespace distgnn
