#include <pybind11/stl.h>

#include <cmath>
#include <tuple>

#include "adjacency.h"
#include "arrays.h"
#include "bind.h"
#include "bind_adjacency.h"
#include "ppr.h"
#include "rng.h"
#include "topology.h"
#include "walk.h"

namespace distgnn {
namespace {

using Ids = py::array_t<int64_t>;

std::shared_ptr<PyAdjacency> make_adjacency(std::shared_ptr<PyTopology> topology, size_t edge_type,
                                            bool outgoing, bool is_timed) {
  const std::shared_ptr<const Graph>& graph = topology->graph();
  if (edge_type >= graph->edges.size()) throw ArgumentError("there is no such edge type");
  py::gil_scoped_release release;
  Adjacency adjacency = outgoing ? Adjacency::outgoing(graph, edge_type)
                                 : Adjacency::incoming(graph, edge_type, is_timed);
  return std::make_shared<PyAdjacency>(PyAdjacency{std::move(topology), std::move(adjacency)});
}

void require_positive(double value, const char* name) {
  if (value > 0 && std::isfinite(value)) return;
  throw ArgumentError(std::string(name) + " must be positive, got " + std::to_string(value));
}

// Checks what all walks take and makes their output, [starts, walks, steps + 1].
std::pair<WalkRequest, Ids> checked_request(const Adjacency& first, const py::object& starts,
                                            uint64_t key, int64_t walks_per_start,
                                            int64_t num_steps, int num_threads) {
  check_num_threads(num_threads);
  if (walks_per_start < 1 || num_steps < 1) {
    throw ArgumentError("walks need a length and a number of at least 1, got " +
                        std::to_string(num_steps) + " and " + std::to_string(walks_per_start));
  }
  const py::array ids = checked_vector<int64_t>(starts, "starts");
  check_ids(pointer<int64_t>(ids), ids.size(), first.owners().owned.size(), "starts");
  Ids out({ids.size(), static_cast<py::ssize_t>(walks_per_start),
           static_cast<py::ssize_t>(num_steps + 1)});
  return {WalkRequest{pointer<int64_t>(ids), ids.size(), walks_per_start, num_steps, key,
                      num_threads, out.mutable_data()},
          out};
}

Ids py_random_walks(const PyAdjacency& adjacency, const py::object& starts, uint64_t key,
                    int64_t walks_per_start, int64_t num_steps, double p, double q, double restart,
                    int num_threads) {
  require_positive(p, "p");
  require_positive(q, "q");
  if (!(restart >= 0 && restart < 1)) throw ArgumentError("restart must be in [0, 1)");
  const auto [request, out] = checked_request(adjacency.lists, starts, key, walks_per_start,
                                              num_steps, num_threads);
  py::gil_scoped_release release;
  random_walks(adjacency.lists, request, p, q, restart);
  return out;
}

Ids py_metapath_walks(const std::vector<std::shared_ptr<PyAdjacency>>& path,
                      const py::object& starts, uint64_t key, int64_t walks_per_start,
                      int64_t num_steps, int num_threads) {
  if (path.empty()) throw ArgumentError("the metapath is empty");
  std::vector<const Adjacency*> adjacencies;
  for (const auto& step : path) adjacencies.push_back(&step->lists);
  const auto [request, out] = checked_request(path.front()->lists, starts, key, walks_per_start,
                                              num_steps, num_threads);
  py::gil_scoped_release release;
  metapath_walks(adjacencies, request);
  return out;
}

// Returns (number of nodes of each seed, nodes, scores).
std::tuple<Ids, Ids, py::array_t<double>> py_forward_push(const PyAdjacency& adjacency,
                                                          const py::object& seeds, double alpha,
                                                          double epsilon, int64_t top_k,
                                                          int num_threads) {
  check_num_threads(num_threads);
  const py::array ids = checked_vector<int64_t>(seeds, "seeds");
  check_ids(pointer<int64_t>(ids), ids.size(), adjacency.lists.owners().owned.size(), "seeds");
  if (!(alpha > 0 && alpha < 1)) throw ArgumentError("alpha must be in (0, 1)");
  require_positive(epsilon, "epsilon");
  if (top_k < 1) throw ArgumentError("top_k must be at least 1");
  std::vector<PprScores> found;
  {
    py::gil_scoped_release release;
    found = forward_push(adjacency.lists, pointer<int64_t>(ids), ids.size(),
                         {alpha, epsilon, top_k, num_threads});
  }
  py::ssize_t total = 0;
  for (const PprScores& of_seed : found) total += of_seed.nodes.size();
  Ids counts(ids.size()), nodes(total);
  py::array_t<double> scores(total);
  int64_t* next_node = nodes.mutable_data();
  double* next_score = scores.mutable_data();
  for (size_t i = 0; i < found.size(); ++i) {
    counts.mutable_data()[i] = static_cast<int64_t>(found[i].nodes.size());
    next_node = std::copy(found[i].nodes.begin(), found[i].nodes.end(), next_node);
    next_score = std::copy(found[i].scores.begin(), found[i].scores.end(), next_score);
  }
  return {counts, nodes, scores};
}

py::array_t<bool> contains(const PyAdjacency& adjacency, const py::object& nodes,
                           const py::object& neighbors) {
  const py::array owners = checked_vector<int64_t>(nodes, "nodes");
  const py::array others = checked_vector<int64_t>(neighbors, "neighbors");
  const Adjacency& lists = adjacency.lists;
  if (owners.size() != others.size()) throw ArgumentError("nodes and neighbors differ in length");
  py::array_t<bool> out(owners.size());
  bool* const found = out.mutable_data();
  const int64_t count = owners.size();
  const int64_t *from = pointer<int64_t>(owners), *to = pointer<int64_t>(others);
  py::gil_scoped_release release;
  check_ids(from, count, lists.owners().owned.size(), "nodes");
  check_ids(to, count, lists.neighbors().owned.size(), "neighbors");
  for (int64_t i = 0; i < count; ++i) {
    if (i + 16 < count) lists.prefetch(from[i + 16]);
    if (i + 8 < count) lists.list(from[i + 8]).prefetch(0);
    found[i] = lists.contains(lists.list(from[i]), to[i]);
  }
  return out;
}

}  // namespace

void bind_walk(py::module_& module) {
  py::class_<PyAdjacency, std::shared_ptr<PyAdjacency>>(module, "Adjacency")
      .def(py::init(&make_adjacency), py::arg("topology"), py::arg("edge_type"), py::kw_only(),
           py::arg("outgoing"), py::arg("is_timed"))
      .def_property_readonly("key", [](const PyAdjacency& self) { return self.lists.key(); })
      .def("contains", &contains, py::arg("nodes"), py::arg("neighbors"));
  module.def("random_walks", &py_random_walks, py::arg("adjacency"), py::arg("starts"),
             py::kw_only(), py::arg("key"), py::arg("walks_per_start"), py::arg("num_steps"),
             py::arg("p"), py::arg("q"), py::arg("restart"), py::arg("num_threads"));
  module.def("metapath_walks", &py_metapath_walks, py::arg("path"), py::arg("starts"),
             py::kw_only(), py::arg("key"), py::arg("walks_per_start"), py::arg("num_steps"),
             py::arg("num_threads"));
  module.def("forward_push", &py_forward_push, py::arg("adjacency"), py::arg("seeds"),
             py::kw_only(), py::arg("alpha"), py::arg("epsilon"), py::arg("top_k"),
             py::arg("num_threads"));
  module.def("derive_key", &derive_key, py::arg("parent"), py::arg("value"));
}

}  // namespace distgnn
