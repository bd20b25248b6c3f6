#include "topology.h"

#include <pybind11/stl.h>

#include <string>
#include <tuple>

#include "arrays.h"
#include "bind.h"

namespace distgnn {
namespace {

// Makes a Graph of numpy arrays, checking that they fit one another.
class GraphBuilder {
 public:
  explicit GraphBuilder(std::vector<py::object>& arrays) : arrays_(arrays) {}

  Graph build(const py::list& nodes, const py::list& edges) {
    Graph graph;
    for (const py::handle& item : nodes) graph.nodes.push_back(node_set(item));
    for (const py::handle& item : edges) graph.edges.push_back(edge_set(item, graph));
    return graph;
  }

 private:
  NodeSet node_set(const py::handle& item) {
    const auto [offsets, index] = py::cast<std::pair<py::object, py::list>>(item);
    NodeSet nodes{checked_ranges(offsets, "offsets"), {}};
    check_num_parts(index.size(), nodes.owned);
    for (size_t part = 0; part < index.size(); ++part) {
      if (index[part].is_none()) {
        nodes.index.push_back(nullptr);
        continue;
      }
      const py::array array = checked_vector<int64_t>(index[part], "index");
      check_length(array.size(), nodes.owned, part, 0, "index");
      nodes.index.push_back(keep(array));
    }
    return nodes;
  }

  EdgeSet edge_set(const py::handle& item, const Graph& graph) {
    const auto [src_type, dst_type, key, parts] =
        py::cast<std::tuple<size_t, size_t, uint64_t, py::list>>(item);
    if (src_type >= graph.nodes.size() || dst_type >= graph.nodes.size()) {
      throw ArgumentError("an edge type names a node type that is not there");
    }
    const Ranges& owned = graph.nodes[dst_type].owned;
    check_num_parts(parts.size(), owned);
    EdgeSet edges{static_cast<int>(src_type), static_cast<int>(dst_type), key, {}, {}};
    int64_t first_edge = 0;
    for (size_t part = 0; part < parts.size(); ++part) {
      edges.parts.push_back(edge_part(parts[part], owned, part));
      edges.first_edge.push_back(first_edge);
      first_edge += edges.parts.back().num_edges;
      if (edges.parts.back().is_open() && graph.nodes[dst_type].index[part] == nullptr) {
        throw ArgumentError("the edges of part " + std::to_string(part) +
                            " are open, but not its nodes");
      }
    }
    return edges;
  }

  EdgePart edge_part(const py::handle& item, const Ranges& owned, size_t part) {
    if (py::isinstance<py::int_>(item)) {
      return {py::cast<int64_t>(item), nullptr, nullptr, nullptr, nullptr};
    }
    const auto [indptr_item, src_item] = py::cast<std::pair<py::object, py::object>>(item);
    const py::array indptr = checked_vector<int64_t>(indptr_item, "indptr");
    const py::array src = checked_vector<int64_t>(src_item, "src");
    check_length(indptr.size(), owned, part, 1, "indptr");
    return {src.size(), keep(indptr), keep(src), nullptr, nullptr};
  }

  const int64_t* keep(const py::array& array) {
    arrays_.push_back(array);
    return pointer<int64_t>(array);
  }

  static void check_num_parts(size_t found, const Ranges& owned) {
    if (static_cast<int64_t>(found) == owned.num_parts()) return;
    throw ArgumentError("got arrays of " + std::to_string(found) + " parts, but offsets have " +
                        std::to_string(owned.num_parts()));
  }

  static void check_length(int64_t found, const Ranges& owned, size_t part, int64_t extra,
                           const char* name) {
    const int64_t wanted = owned.end(part) - owned.begin(part) + extra;
    if (found == wanted) return;
    throw ArgumentError(std::string(name) + " of part " + std::to_string(part) + " has " +
                        std::to_string(found) + " entries, but the part's nodes need " +
                        std::to_string(wanted));
  }

  std::vector<py::object>& arrays_;
};

}  // namespace

PyTopology::PyTopology(const py::list& nodes, const py::list& edges, bool in_memory,
                       int num_threads) {
  check_num_threads(num_threads);
  Graph graph = GraphBuilder(arrays_).build(nodes, edges);
  if (in_memory) {
    py::gil_scoped_release release;
    copy_edges(graph, num_threads);
  }
  graph_ = std::make_shared<const Graph>(std::move(graph));
}

void bind_topology(py::module_& module) {
  py::class_<PyTopology, std::shared_ptr<PyTopology>>(module, "Topology")
      .def(py::init<const py::list&, const py::list&, bool, int>(), py::arg("nodes"),
           py::arg("edges"), py::kw_only(), py::arg("in_memory"), py::arg("num_threads"));
}

}  // namespace distgnn
