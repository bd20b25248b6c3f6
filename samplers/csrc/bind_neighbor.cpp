#include "bind.h"

#include <pybind11/stl.h>

#include "arrays.h"
#include "neighbor.h"

namespace distgnn {
namespace {

// Holds the arrays that the graph's views point into.
class PyNeighborSampler {
 public:
  PyNeighborSampler(const py::list& nodes, const py::list& edges,
                    std::vector<std::vector<int64_t>> fanouts, bool replace,
                    int64_t max_table_bytes) {
    auto graph = std::make_shared<Graph>();
    for (const py::handle& item : nodes) graph->nodes.push_back(node_set(item));
    for (const py::handle& item : edges) graph->edges.push_back(edge_set(item, *graph));
    check_fanouts(fanouts, graph->edges.size());
    graph_ = graph;
    sampler_ = std::make_unique<NeighborSampler>(
        graph, SamplerOptions{std::move(fanouts), replace, max_table_bytes});
  }

  py::tuple sample(const py::list& seeds, int64_t seed, int64_t epoch, int64_t batch,
                   int num_threads) {
    check_num_threads(num_threads);
    Request request;
    request.seed = number(seed, "seed");
    request.epoch = number(epoch, "epoch");
    request.batch = number(batch, "batch");
    request.num_threads = num_threads;
    if (seeds.size() != graph_->nodes.size()) {
      throw ArgumentError("seeds must have an entry for each of " +
                          std::to_string(graph_->nodes.size()) + " node types");
    }
    for (size_t type = 0; type < seeds.size(); ++type) {
      request.seeds.emplace_back();
      if (seeds[type].is_none()) continue;
      const py::array ids = checked_vector<int64_t>(seeds[type], "seeds");
      request.seeds.back() = {pointer<int64_t>(ids), ids.size()};
      check_ids(pointer<int64_t>(ids), ids.size(), graph_->nodes[type].owned.size(), "seeds");
    }
    Sample sample;
    {
      py::gil_scoped_release release;
      sample = sampler_->sample(request);
    }
    py::list nodes, edges;
    for (const SampledNodes& type : sample.nodes) {
      nodes.append(py::make_tuple(array_over(type.ids), type.num_per_hop));
    }
    for (const SampledEdges& type : sample.edges) {
      edges.append(py::make_tuple(array_over(type.indptr), array_over(type.indices),
                                  array_over(type.position), type.num_per_hop));
    }
    return py::make_tuple(nodes, edges);
  }

 private:
  static uint64_t number(int64_t value, const char* name) {
    if (value < 0) {
      throw ArgumentError(std::string(name) + " must not be negative, got " + std::to_string(value));
    }
    return static_cast<uint64_t>(value);
  }

  template <class T>
  const T* keep(const py::array& array) {
    arrays_.push_back(array);
    return pointer<T>(array);
  }

  // (offsets, [index of each part])
  NodeSet node_set(const py::handle& item) {
    const auto [offsets, index] = py::cast<std::pair<py::object, py::list>>(item);
    NodeSet nodes{checked_ranges(offsets, "offsets"), {}};
    check_num_parts(index.size(), nodes.owned);
    for (size_t part = 0; part < index.size(); ++part) {
      const py::array array = checked_vector<int64_t>(index[part], "index");
      check_length(array.size(), nodes.owned, part, 0, "index");
      nodes.index.push_back(keep<int64_t>(array));
    }
    return nodes;
  }

  // (source type, destination type, key, [(indptr, src) of each part])
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
      const auto [indptr_item, src_item] = py::cast<std::pair<py::object, py::object>>(parts[part]);
      const py::array indptr = checked_vector<int64_t>(indptr_item, "indptr");
      const py::array src = checked_vector<int64_t>(src_item, "src");
      check_length(indptr.size(), owned, part, 1, "indptr");
      edges.parts.push_back({keep<int64_t>(indptr), keep<int64_t>(src), src.size()});
      edges.first_edge.push_back(first_edge);
      first_edge += src.size();
    }
    return edges;
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

  static void check_fanouts(const std::vector<std::vector<int64_t>>& fanouts, size_t num_edge_types) {
    if (fanouts.size() != num_edge_types) {
      throw ArgumentError("fanouts must have an entry for each of " +
                          std::to_string(num_edge_types) + " edge types");
    }
    size_t num_hops = 0;
    for (const auto& per_hop : fanouts) {
      if (num_hops == 0) num_hops = per_hop.size();
      if (!per_hop.empty() && per_hop.size() != num_hops) {
        throw ArgumentError("fanouts must have the same number of hops for all edge types, got " +
                            std::to_string(num_hops) + " and " + std::to_string(per_hop.size()));
      }
      for (const int64_t fanout : per_hop) {
        if (fanout >= 1 || fanout == kAllNeighbors) continue;
        throw ArgumentError("a fanout must be at least 1, or -1 for all neighbours, got " +
                            std::to_string(fanout));
      }
    }
    if (num_hops == 0) throw ArgumentError("fanouts are empty: give one for each hop");
  }

  std::vector<py::array> arrays_;
  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<NeighborSampler> sampler_;
};

}  // namespace

void bind_neighbor(py::module_& module) {
  py::class_<PyNeighborSampler>(module, "NeighborSampler")
      .def(py::init<const py::list&, const py::list&, std::vector<std::vector<int64_t>>, bool,
                    int64_t>(),
           py::arg("nodes"), py::arg("edges"), py::kw_only(), py::arg("fanouts"),
           py::arg("replace"), py::arg("max_table_bytes"))
      .def("sample", &PyNeighborSampler::sample, py::arg("seeds"), py::kw_only(), py::arg("seed"),
           py::arg("epoch"), py::arg("batch"), py::arg("num_threads"));
}

}  // namespace distgnn
