#include <pybind11/stl.h>

#include <string>

#include "arrays.h"
#include "bind.h"
#include "topology.h"

namespace distgnn {
namespace {

// The columns of one type, checked to be as long as `sizes` say where a part is open.
template <class T>
std::vector<const T*> columns_of(const py::handle& item, const std::vector<int64_t>& sizes,
                                 const std::string& name, std::vector<py::object>& arrays) {
  if (item.is_none()) return {};
  const py::list parts = py::cast<py::list>(item);
  if (parts.size() != sizes.size()) {
    throw ArgumentError(name + " must have an entry for each of " + std::to_string(sizes.size()) +
                        " parts");
  }
  std::vector<const T*> columns;
  for (size_t part = 0; part < sizes.size(); ++part) {
    if (parts[part].is_none()) {
      columns.push_back(nullptr);
      continue;
    }
    const py::array array = checked_vector<T>(parts[part], name);
    if (array.size() != sizes[part]) {
      throw ArgumentError(name + " of part " + std::to_string(part) + " have " +
                          std::to_string(array.size()) + " entries, but the part needs " +
                          std::to_string(sizes[part]));
    }
    arrays.push_back(array);
    columns.push_back(pointer<T>(array));
  }
  return columns;
}

std::vector<int64_t> edge_counts(const EdgeSet& edges) {
  std::vector<int64_t> counts;
  for (const EdgePart& part : edges.parts) counts.push_back(part.num_edges);
  return counts;
}

std::vector<int64_t> node_counts(const NodeSet& nodes) {
  std::vector<int64_t> counts;
  for (int64_t part = 0; part < nodes.owned.num_parts(); ++part) {
    counts.push_back(nodes.owned.end(part) - nodes.owned.begin(part));
  }
  return counts;
}

// Throws ArgumentError if an open part has no column.
template <class T>
void check_open(const EdgeSet& edges, const std::vector<const T*>& columns, const char* name) {
  for (size_t part = 0; part < columns.size(); ++part) {
    if (columns[part] == nullptr && edges.parts[part].is_open()) {
      throw ArgumentError(std::string(name) + " of part " + std::to_string(part) + " are missing");
    }
  }
}

void check_count(size_t found, size_t wanted) {
  if (found == wanted) return;
  throw ArgumentError("there must be an entry for each of " + std::to_string(wanted) + " types");
}

Pick pick_named(const std::string& name) {
  if (name == "uniform") return Pick::kUniform;
  if (name == "weighted") return Pick::kWeighted;
  if (name == "latest") return Pick::kLatest;
  if (name == "labor") return Pick::kLabor;
  throw ArgumentError("edges are drawn 'uniform', 'weighted', 'latest' or 'labor', not '" + name +
                      "'");
}

PyRule make_rule(const std::string& pick, bool replace, bool up_to,
                 std::shared_ptr<PyWeights> weights, std::shared_ptr<PyTimes> times) {
  PyRule made;
  made.rule.pick = pick_named(pick);
  made.rule.replace = replace;
  made.rule.up_to = up_to;
  if (weights) made.rule.weights = weights->get();
  if (times) made.rule.times = times->get();
  made.weights = std::move(weights);
  made.times = std::move(times);
  return made;
}

}  // namespace

PyWeights::PyWeights(std::shared_ptr<PyTopology> topology, const py::list& edges,
                     int num_threads) {
  check_num_threads(num_threads);
  const Graph& graph = *topology->graph();
  check_count(edges.size(), graph.edges.size());
  for (size_t type = 0; type < edges.size(); ++type) {
    const auto columns =
        columns_of<float>(edges[type], edge_counts(graph.edges[type]), "weights", arrays_);
    check_open(graph.edges[type], columns, "weights");
    py::gil_scoped_release release;
    weights_.edges.push_back(alias_tables(graph, type, columns, weights_, num_threads));
  }
}

PyTimes::PyTimes(std::shared_ptr<PyTopology> topology, const py::list& edges, const py::list& nodes,
                 int num_threads) {
  check_num_threads(num_threads);
  const Graph& graph = *topology->graph();
  check_count(edges.size(), graph.edges.size());
  check_count(nodes.size(), graph.nodes.size());
  for (size_t type = 0; type < edges.size(); ++type) {
    auto columns =
        columns_of<int64_t>(edges[type], edge_counts(graph.edges[type]), "times", arrays_);
    check_open(graph.edges[type], columns, "times");
    {
      py::gil_scoped_release release;
      check_times(graph, type, columns, num_threads);
    }
    times_.edges.push_back(std::move(columns));
  }
  for (size_t type = 0; type < nodes.size(); ++type) {
    times_.nodes.push_back(
        columns_of<int64_t>(nodes[type], node_counts(graph.nodes[type]), "times", arrays_));
  }
}

const int64_t* checked_times(const PyRule& rule, const py::object& times, int64_t count) {
  if (times.is_none() != (rule.rule.times == nullptr)) {
    throw ArgumentError(times.is_none() ? "edges are drawn by time: give the time of each node"
                                        : "times are given, but edges are not drawn by time");
  }
  if (times.is_none()) return nullptr;
  const py::array array = checked_vector<int64_t>(times, "times");
  if (array.size() != count) {
    throw ArgumentError("there are " + std::to_string(array.size()) + " times for " +
                        std::to_string(count) + " nodes: give one for each");
  }
  return pointer<int64_t>(array);
}

void bind_columns(py::module_& module) {
  py::class_<PyWeights, std::shared_ptr<PyWeights>>(module, "Weights")
      .def(py::init<std::shared_ptr<PyTopology>, const py::list&, int>(), py::arg("topology"),
           py::kw_only(), py::arg("edges"), py::arg("num_threads"));
  py::class_<PyTimes, std::shared_ptr<PyTimes>>(module, "Times")
      .def(py::init<std::shared_ptr<PyTopology>, const py::list&, const py::list&, int>(),
           py::arg("topology"), py::kw_only(), py::arg("edges"), py::arg("nodes"),
           py::arg("num_threads"));
  py::class_<PyRule>(module, "Rule")
      .def(py::init(&make_rule), py::kw_only(), py::arg("pick"), py::arg("replace"),
           py::arg("up_to"), py::arg("weights"), py::arg("times"));
}

}  // namespace distgnn
