#include <pybind11/stl.h>

#include "arrays.h"
#include "bind.h"
#include "neighbor.h"
#include "topology.h"

namespace distgnn {
namespace {

void check_fanouts(const std::vector<std::vector<int64_t>>& fanouts, size_t num_edge_types) {
  if (fanouts.size() != num_edge_types) {
    throw ArgumentError("fanouts must have an entry for each of " + std::to_string(num_edge_types) +
                        " edge types");
  }
  size_t num_hops = 0;
  for (const auto& per_hop : fanouts) {
    if (num_hops == 0) num_hops = per_hop.size();
    if (!per_hop.empty() && per_hop.size() != num_hops) {
      throw ArgumentError("fanouts must have the same number of hops for all edge types, got " +
                          std::to_string(num_hops) + " and " + std::to_string(per_hop.size()));
    }
    for (const int64_t fanout : per_hop) check_fanout(fanout);
  }
  if (num_hops == 0) throw ArgumentError("fanouts are empty: give one for each hop");
}

class PyNeighborSampler {
 public:
  PyNeighborSampler(std::shared_ptr<PyTopology> topology, std::vector<std::vector<int64_t>> fanouts,
                    PyRule rule, bool disjoint, int64_t max_table_bytes)
      : topology_(std::move(topology)), rule_(std::move(rule)) {
    check_fanouts(fanouts, topology_->graph()->edges.size());
    if (rule_.rule.times != nullptr && !disjoint) {
      throw ArgumentError("draws by time need disjoint trees: seeds have times of their own");
    }
    sampler_ = std::make_unique<NeighborSampler>(
        topology_->graph(),
        SamplerOptions{std::move(fanouts), rule_.rule, disjoint, max_table_bytes});
  }

  // Returns ([(ids, trees, number per hop) of each node type],
  //          [(indptr, indices, position, weight, number per hop) of each edge type]).
  py::tuple sample(const py::list& seeds, const py::object& times, int64_t seed, int64_t epoch,
                   int64_t batch, int num_threads) {
    check_num_threads(num_threads);
    Request request;
    request.seeds = checked_seeds(seeds);
    int64_t num_seeds = 0;
    for (const Seeds& type : request.seeds) num_seeds += type.size;
    request.times = checked_times(rule_, times, num_seeds);
    request.seed = not_negative(seed, "seed");
    request.epoch = not_negative(epoch, "epoch");
    request.batch = not_negative(batch, "batch");
    request.num_threads = num_threads;
    Sample sample;
    {
      py::gil_scoped_release release;
      sample = sampler_->sample(request);
    }
    py::list nodes, edges;
    for (const SampledNodes& type : sample.nodes) {
      nodes.append(
          py::make_tuple(array_over(type.ids), array_or_none(type.trees), type.num_per_hop));
    }
    for (const SampledEdges& type : sample.edges) {
      edges.append(py::make_tuple(array_over(type.indptr), array_over(type.indices),
                                  array_over(type.position), array_or_none(type.weight),
                                  type.num_per_hop));
    }
    return py::make_tuple(nodes, edges);
  }

 private:
  std::vector<Seeds> checked_seeds(const py::list& seeds) const {
    const auto& nodes = topology_->graph()->nodes;
    if (seeds.size() != nodes.size()) {
      throw ArgumentError("seeds must have an entry for each of " + std::to_string(nodes.size()) +
                          " node types");
    }
    std::vector<Seeds> checked(nodes.size());
    for (size_t type = 0; type < nodes.size(); ++type) {
      if (seeds[type].is_none()) continue;
      const py::array ids = checked_vector<int64_t>(seeds[type], "seeds");
      checked[type] = {pointer<int64_t>(ids), ids.size()};
      check_ids(pointer<int64_t>(ids), ids.size(), nodes[type].owned.size(), "seeds");
    }
    return checked;
  }

  template <class T>
  static py::object array_or_none(const PooledArray<T>& values) {
    return values.block() == nullptr ? py::object(py::none()) : py::object(array_over(values));
  }

  std::shared_ptr<PyTopology> topology_;
  PyRule rule_;
  std::unique_ptr<NeighborSampler> sampler_;
};

}  // namespace

void bind_neighbor(py::module_& module) {
  py::class_<PyNeighborSampler>(module, "NeighborSampler")
      .def(
          py::init<std::shared_ptr<PyTopology>, std::vector<std::vector<int64_t>>, PyRule, bool,
                   int64_t>(),
          py::arg("topology"), py::kw_only(), py::arg("fanouts"), py::arg("rule"),
          py::arg("disjoint"), py::arg("max_table_bytes"))
      .def("sample", &PyNeighborSampler::sample, py::arg("seeds"), py::arg("times"), py::kw_only(),
           py::arg("seed"), py::arg("epoch"), py::arg("batch"), py::arg("num_threads"));
}

}  // namespace distgnn
