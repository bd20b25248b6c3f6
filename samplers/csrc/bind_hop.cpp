#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "arrays.h"
#include "bind.h"
#include "draw_hop.h"
#include "relabel.h"
#include "topology.h"

namespace distgnn {
namespace {

// Returns (number of picks of each node, sources, positions, importance weights or None).
py::tuple draw_in_edges(const PyTopology& topology, int64_t edge_type, const py::object& ids,
                        const py::object& times, int64_t fanout, const PyRule& rule, int64_t seed,
                        int64_t epoch, int64_t batch, int num_threads) {
  const Graph& graph = *topology.graph();
  if (edge_type < 0 || edge_type >= static_cast<int64_t>(graph.edges.size())) {
    throw ArgumentError("there is no edge type number " + std::to_string(edge_type));
  }
  check_fanout(fanout);
  check_num_threads(num_threads);
  const Ranges& owned = graph.nodes[graph.edges[edge_type].dst_type].owned;
  const py::array nodes = checked_vector<int64_t>(ids, "ids");
  check_ids(pointer<int64_t>(nodes), nodes.size(), owned.size(), "ids");
  const int64_t* const bounds = checked_times(rule, times, nodes.size());
  const uint64_t key = batch_key(not_negative(seed, "seed"), not_negative(epoch, "epoch"),
                                 not_negative(batch, "batch"));
  DrawnEdges drawn;
  bool gives_weights;
  {
    py::gil_scoped_release release;
    const HopDraw hop(graph, edge_type, fanout, rule.rule, key);
    gives_weights = hop.gives_weights();
    drawn = draw_hop(hop, pointer<int64_t>(nodes), bounds, nodes.size(), num_threads);
  }
  return py::make_tuple(array_of(std::move(drawn.num_picks)), array_of(std::move(drawn.sources)),
                        array_of(std::move(drawn.positions)),
                        gives_weights ? py::object(array_of(std::move(drawn.weights))) : py::none());
}

// Tables of batches that are over, for those to come: a new one grows to its size step by step, on
// memory that faults at every page. Holds as many as were in use at one time.
class TablePool {
 public:
  std::unique_ptr<HashTable> take() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) return std::make_unique<HashTable>();
    auto table = std::move(free_.back());
    free_.pop_back();
    return table;
  }

  void give_back(std::unique_ptr<HashTable> table) {
    std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(std::move(table));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<HashTable>> free_;
};

// Never destroyed: arrays may outlive the module.
TablePool& table_pool() {
  static auto* const pool = new TablePool;
  return *pool;
}

const std::shared_ptr<BufferPool>& array_pool() {
  static auto* const pool = new auto(std::make_shared<BufferPool>());
  return *pool;
}

PooledArray<int64_t> copy_of(const int64_t* values, int64_t count) {
  PooledArray<int64_t> copy(array_pool());
  copy.reserve(std::max<int64_t>(count, 1));
  std::copy_n(values, count, copy.data());
  copy.set_size(count);
  return copy;
}

// Local ids of a batch's nodes, in order of first visit.
class PyNumbering {
 public:
  PyNumbering() : table_(table_pool().take()) { table_->begin_batch(); }
  PyNumbering(const PyNumbering&) = delete;
  PyNumbering& operator=(const PyNumbering&) = delete;
  ~PyNumbering() { table_pool().give_back(std::move(table_)); }

  py::array label(const py::object& ids) {
    const py::array given = checked_vector<int64_t>(ids, "ids");
    PooledArray<int64_t> labels(array_pool());
    {
      py::gil_scoped_release release;
      labels = copy_of(pointer<int64_t>(given), given.size());
      label_in_place(*table_, labels.data(), given.size(), nodes_);
    }
    return array_over(labels);
  }

  py::array nodes(int64_t begin) const {
    begin = std::min(begin, nodes_.size());
    return array_over(copy_of(nodes_.data() + begin, nodes_.size() - begin));
  }

  int64_t size() const { return nodes_.size(); }

 private:
  std::unique_ptr<HashTable> table_;
  PooledArray<int64_t> nodes_{array_pool()};
};

}  // namespace

void bind_hop(py::module_& module) {
  module.def("draw_in_edges", &draw_in_edges, py::arg("topology"), py::arg("edge_type"),
             py::arg("ids"), py::arg("times"), py::kw_only(), py::arg("fanout"), py::arg("rule"),
             py::arg("seed"), py::arg("epoch"), py::arg("batch"), py::arg("num_threads"));
  py::class_<PyNumbering>(module, "Numbering")
      .def(py::init<>())
      .def("label", &PyNumbering::label, py::arg("ids"))
      .def("nodes", &PyNumbering::nodes, py::arg("begin") = 0)
      .def("__len__", &PyNumbering::size);
}

}  // namespace distgnn
