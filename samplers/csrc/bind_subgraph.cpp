#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <vector>

#include "arrays.h"
#include "bind.h"
#include "induce.h"
#include "shadow.h"
#include "topology.h"

namespace distgnn {
namespace {

py::tuple csc_arrays(const InducedEdges& edges) {
  return py::make_tuple(array_over(edges.indptr), array_over(edges.indices),
                        array_over(edges.position));
}

uint64_t checked_counter(int64_t value, const char* name) {
  if (value < 0) {
    throw ArgumentError(std::string(name) + " must not be negative, got " + std::to_string(value));
  }
  return static_cast<uint64_t>(value);
}

class PyInducer {
 public:
  PyInducer(std::shared_ptr<PyTopology> topology, int64_t max_table_bytes)
      : topology_(std::move(topology)), inducer_(topology_->graph(), max_table_bytes) {}

  // Returns [(indptr, indices, position) of each edge type].
  py::list induce(const py::list& nodes, int num_threads) {
    check_num_threads(num_threads);
    const auto& known = inducer_.graph().nodes;
    if (nodes.size() != known.size()) {
      throw ArgumentError("nodes must have an entry for each of " + std::to_string(known.size()) +
                          " node types");
    }
    std::vector<IdSpan> spans;
    for (size_t type = 0; type < known.size(); ++type) {
      const py::array ids = checked_vector<int64_t>(nodes[type], "nodes");
      check_ids(pointer<int64_t>(ids), ids.size(), known[type].owned.size(), "nodes");
      spans.push_back({pointer<int64_t>(ids), ids.size()});
    }
    std::vector<InducedEdges> found;
    {
      py::gil_scoped_release release;
      found = inducer_.induce(spans, num_threads);
    }
    py::list arrays;
    for (const InducedEdges& edges : found) arrays.append(csc_arrays(edges));
    return arrays;
  }

  // Returns for each node one of its in-neighbours, or the node itself where it has none: number
  // floor(half * degree / 2^32), for the high half of a word that is uniform below 2^64.
  py::array step(size_t edge_type, const py::array& nodes, const py::array& words) const {
    const Graph& graph = inducer_.graph();
    if (edge_type >= graph.edges.size() ||
        graph.edges[edge_type].src_type != graph.edges[edge_type].dst_type) {
      throw ArgumentError("steps follow an edge type from a node type to itself");
    }
    const py::array ids = checked_vector<int64_t>(nodes, "nodes");
    const py::array draws = checked_vector<uint64_t>(words, "words");
    const EdgeSet& edges = graph.edges[edge_type];
    const NodeSet& node_set = graph.nodes[edges.dst_type];
    check_ids(pointer<int64_t>(ids), ids.size(), node_set.owned.size(), "nodes");
    if (draws.size() != ids.size()) {
      throw ArgumentError("there are " + std::to_string(draws.size()) + " words for " +
                          std::to_string(ids.size()) + " nodes");
    }
    py::array_t<int64_t> next(ids.size());
    for (py::ssize_t i = 0; i < ids.size(); ++i) {
      const int64_t id = pointer<int64_t>(ids)[i];
      next.mutable_data()[i] = in_neighbor(edges, node_set, id, pointer<uint64_t>(draws)[i]);
    }
    return next;
  }

 private:
  static int64_t in_neighbor(const EdgeSet& edges, const NodeSet& nodes, int64_t id,
                             uint64_t word) {
    const InEdges row = in_edges(edges, nodes, id);
    if (row.degree == 0) return id;
    const auto pick = static_cast<int64_t>((word >> 32) * static_cast<uint64_t>(row.degree) >> 32);
    const int64_t source = edges.is_copied ? static_cast<const uint32_t*>(row.src)[pick]
                                           : static_cast<const int64_t*>(row.src)[pick];
    if (source < 0 || source >= nodes.owned.size()) {
      throw_bad_source(&source, 1, nodes.owned.size());
    }
    return source;
  }

  std::shared_ptr<PyTopology> topology_;
  Inducer inducer_;
};

class PyShadowSampler {
 public:
  PyShadowSampler(std::shared_ptr<PyTopology> topology, std::vector<std::vector<int64_t>> fanouts,
                  bool replace, int64_t max_table_bytes)
      : topology_(std::move(topology)) {
    SamplerOptions options;
    options.fanouts = std::move(fanouts);
    options.rule.replace = replace;
    options.max_table_bytes = max_table_bytes;
    sampler_ = std::make_unique<ShadowSampler>(topology_->graph(), std::move(options));
  }

  // Returns ([ids of each node type], [(indptr, indices, position) of each edge type]).
  py::tuple sample(const py::array& seeds, size_t seed_type, int64_t seed, int64_t epoch,
                   int64_t batch, int num_threads) {
    check_num_threads(num_threads);
    const auto& known = sampler_->graph().nodes;
    if (seed_type >= known.size()) throw ArgumentError("seeds are of an unknown node type");
    const py::array ids = checked_vector<int64_t>(seeds, "seeds");
    check_ids(pointer<int64_t>(ids), ids.size(), known[seed_type].owned.size(), "seeds");
    Request request;
    request.seeds.resize(known.size());
    request.seeds[seed_type] = {pointer<int64_t>(ids), ids.size()};
    request.seed = checked_counter(seed, "seed");
    request.epoch = checked_counter(epoch, "epoch");
    request.batch = checked_counter(batch, "batch");
    request.num_threads = num_threads;
    Shadows found;
    {
      py::gil_scoped_release release;
      found = sampler_->sample(request, seed_type);
    }
    py::list nodes, edges;
    for (const PooledArray<int64_t>& ids : found.nodes) nodes.append(array_over(ids));
    for (const InducedEdges& type : found.edges) edges.append(csc_arrays(type));
    return py::make_tuple(nodes, edges);
  }

 private:
  std::shared_ptr<PyTopology> topology_;
  std::unique_ptr<ShadowSampler> sampler_;
};

}  // namespace

void bind_subgraph(py::module_& module) {
  py::class_<PyInducer>(module, "Inducer")
      .def(py::init<std::shared_ptr<PyTopology>, int64_t>(), py::arg("topology"), py::kw_only(),
           py::arg("max_table_bytes"))
      .def("induce", &PyInducer::induce, py::arg("nodes"), py::kw_only(), py::arg("num_threads"))
      .def("step", &PyInducer::step, py::arg("edge_type"), py::arg("nodes"), py::arg("words"));
  py::class_<PyShadowSampler>(module, "ShadowSampler")
      .def(
          py::init<std::shared_ptr<PyTopology>, std::vector<std::vector<int64_t>>, bool, int64_t>(),
          py::arg("topology"), py::kw_only(), py::arg("fanouts"), py::arg("replace"),
          py::arg("max_table_bytes"))
      .def("sample", &PyShadowSampler::sample, py::arg("seeds"), py::kw_only(),
           py::arg("seed_type"), py::arg("seed"), py::arg("epoch"), py::arg("batch"),
           py::arg("num_threads"));
}

}  // namespace distgnn
