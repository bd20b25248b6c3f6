#include "bind_stream.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "adjacency.h"
#include "checks.h"
#include "clusters.h"
#include "rows.h"
#include "streaming.h"

namespace distgnn {
namespace {

using UInt8Array = py::array_t<uint8_t, py::array::c_style>;
using Rows = std::optional<Int32Array>;

// Neighbours must be nodes: the kernels index by them. `rows` null: one row a node.
RowBlock check_block(const Int64Array& indptr,
                     const Int32Array& indices,
                     const Int32Array& nodes,
                     const Rows& rows,
                     int64_t num_nodes) {
  check_vector("indptr", indptr, -1);
  check_vector("indices", indices, -1);
  check_vector("nodes", nodes, -1);
  const int64_t num_rows = indptr.size() - 1;
  if (num_rows < 0 || indptr.data()[0] != 0 || indptr.data()[num_rows] != indices.size())
    fail("indptr must begin with 0 and end with the " + std::to_string(indices.size()) +
         " values of indices");
  for (int64_t r = 0; r < num_rows; ++r)
    if (indptr.data()[r] > indptr.data()[r + 1])
      fail("indptr decreases after position " + std::to_string(r));
  const auto check_values = [](const char* name, const Int32Array& values, int64_t limit) {
    for (int64_t i = 0; i < values.size(); ++i)
      if (values.data()[i] < 0 || values.data()[i] >= limit)
        fail(std::string(name) + "[" + std::to_string(i) + "] = " +
             std::to_string(values.data()[i]) + " is not in [0, " + std::to_string(limit) + ")");
  };
  check_values("indices", indices, num_nodes);
  check_values("nodes", nodes, num_nodes);
  if (rows) {
    check_vector("rows", *rows, nodes.size());
    check_values("rows", *rows, num_rows);
  } else if (nodes.size() != num_rows) {
    fail("nodes has " + std::to_string(nodes.size()) + " values for " + std::to_string(num_rows) +
         " rows of indptr");
  }
  return {indptr.data(), indices.data(), nodes.data(), rows ? rows->data() : nullptr, nodes.size()};
}

void check_assignment(const Int32Array& assignment, int64_t num_nodes, int32_t low, int32_t high) {
  check_vector("assignment", assignment, num_nodes);
  for (int64_t v = 0; v < num_nodes; ++v)
    if (assignment.data()[v] < low || assignment.data()[v] >= high)
      fail("assignment[" + std::to_string(v) + "] = " + std::to_string(assignment.data()[v]) +
           " is not in [" + std::to_string(low) + ", " + std::to_string(high) + ")");
}

Int32Array copy_of(const Int32Array& values) {
  Int32Array copy(values.size());
  std::copy(values.data(), values.data() + values.size(), copy.mutable_data());
  return copy;
}

// A `Streamer` with the assignment that it makes.
class StreamState {
 public:
  StreamState(Int64Array weights,
              int32_t num_parts,
              double slack,
              const std::string& rule,
              double edges_per_node,
              const std::optional<Int32Array>& assignment)
      : weights_(std::move(weights)) {
    const int64_t num_nodes = weights_.ndim() == 2 ? weights_.shape(0) : -1;
    const Weights checked = check_weights(weights_, num_nodes, num_parts, slack);
    if (rule != "ldg" && rule != "fennel")
      fail("rule = '" + rule + "': must be 'ldg' or 'fennel'");
    streamer_ = std::make_unique<Streamer>(checked, rule == "ldg" ? Rule::kLdg : Rule::kFennel,
                                           edges_per_node);
    if (assignment) {
      check_assignment(*assignment, num_nodes, -1, num_parts);
      assignment_ = copy_of(*assignment);
      for (int64_t v = 0; v < num_nodes; ++v)
        if (assignment_.data()[v] >= 0)
          streamer_->add(v, assignment_.data()[v]);
    } else {
      assignment_ = Int32Array(num_nodes);
      std::fill(assignment_.mutable_data(), assignment_.mutable_data() + num_nodes, -1);
    }
  }

  void place(const Int64Array& indptr,
             const Int32Array& indices,
             const Int32Array& nodes,
             const Rows& rows) {
    const RowBlock block = check_block(indptr, indices, nodes, rows, assignment_.size());
    int32_t* out = assignment_.mutable_data();
    py::gil_scoped_release release;
    streamer_->place(block, out);
  }

  void restart() { streamer_->restart(); }
  Int32Array assignment() const { return assignment_; }

 private:
  Int64Array weights_;
  std::unique_ptr<Streamer> streamer_;
  Int32Array assignment_;
};

// A `Clusterer` that keeps its weights alive.
class ClusterState {
 public:
  ClusterState(Int64Array weights, const std::vector<int64_t>& capacity)
      : weights_(std::move(weights)) {
    const int64_t num_nodes = weights_.ndim() == 2 ? weights_.shape(0) : -1;
    const Weights checked = check_weights(weights_, num_nodes, 1, 1);
    if (static_cast<int>(capacity.size()) != checked.num_constraints)
      fail("capacity has " + std::to_string(capacity.size()) + " values for " +
           std::to_string(checked.num_constraints) + " constraints");
    clusterer_ = std::make_unique<Clusterer>(checked, capacity);
  }

  int64_t visit(const Int64Array& indptr,
                const Int32Array& indices,
                const Int32Array& nodes,
                const Rows& rows) {
    const RowBlock block = check_block(indptr, indices, nodes, rows, weights_.shape(0));
    py::gil_scoped_release release;
    return clusterer_->visit(block);
  }

  Int32Array labels() const {
    const std::vector<int32_t>& labels = clusterer_->labels();
    return Int32Array(static_cast<py::ssize_t>(labels.size()), labels.data());
  }

 private:
  Int64Array weights_;
  std::unique_ptr<Clusterer> clusterer_;
};

// A `Refiner` with the assignment that it improves.
class RefineState {
 public:
  RefineState(Int64Array weights, const Int32Array& assignment, int32_t num_parts, double slack)
      : weights_(std::move(weights)) {
    const int64_t num_nodes = weights_.ndim() == 2 ? weights_.shape(0) : -1;
    const Weights checked = check_weights(weights_, num_nodes, num_parts, slack);
    check_assignment(assignment, num_nodes, 0, num_parts);
    assignment_ = copy_of(assignment);
    refiner_ = std::make_unique<Refiner>(checked, assignment_.data());
  }

  int64_t visit(const Int64Array& indptr,
                const Int32Array& indices,
                const Int32Array& nodes,
                const Rows& rows) {
    const RowBlock block = check_block(indptr, indices, nodes, rows, assignment_.size());
    int32_t* out = assignment_.mutable_data();
    py::gil_scoped_release release;
    return refiner_->visit(block, out);
  }

  Int32Array assignment() const { return assignment_; }

 private:
  Int64Array weights_;
  std::unique_ptr<Refiner> refiner_;
  Int32Array assignment_;
};

// An `AdjacencyBuilder` that checks its blocks.
class BuilderState {
 public:
  explicit BuilderState(int64_t num_nodes) : num_nodes_(num_nodes), builder_(num_nodes) {}

  void count(const Int64Array& src,
             const Int64Array& dst,
             int64_t src_first,
             int64_t num_src,
             int64_t dst_first,
             int64_t num_dst) {
    const EdgeBlock block = check(src, dst, src_first, num_src, dst_first, num_dst);
    if (started_)
      fail("all edges must be counted before any is scattered");
    py::gil_scoped_release release;
    builder_.count(block);
  }

  void scatter(const Int64Array& src,
               const Int64Array& dst,
               int64_t src_first,
               int64_t num_src,
               int64_t dst_first,
               int64_t num_dst) {
    const EdgeBlock block = check(src, dst, src_first, num_src, dst_first, num_dst);
    start();
    py::gil_scoped_release release;
    builder_.scatter(block);
  }

  std::pair<Int64Array, Int32Array> finish() {
    start();
    Adjacency adjacency;
    {
      py::gil_scoped_release release;
      adjacency = builder_.finish();
    }
    return {to_numpy(std::move(adjacency.indptr)), to_numpy(std::move(adjacency.indices))};
  }

 private:
  EdgeBlock check(const Int64Array& src,
                  const Int64Array& dst,
                  int64_t src_first,
                  int64_t num_src,
                  int64_t dst_first,
                  int64_t num_dst) const {
    check_vector("src", src, -1);
    check_vector("dst", dst, src.size());
    if (src_first < 0 || num_src < 0 || src_first + num_src > num_nodes_ || dst_first < 0 ||
        num_dst < 0 || dst_first + num_dst > num_nodes_)
      fail("the ends of the edges are not within num_nodes = " + std::to_string(num_nodes_));
    return {src.data(), dst.data(), src.size(), src_first, num_src, dst_first, num_dst};
  }

  void start() {
    if (!started_)
      builder_.start();
    started_ = true;
  }

  int64_t num_nodes_;
  AdjacencyBuilder builder_;
  bool started_ = false;
};

void add_edges(const Int64Array& indptr,
               const Int32Array& indices,
               const Int32Array& nodes,
               const Rows& rows,
               const Int32Array& labels,
               Int32Array& matrix) {
  check_vector("labels", labels, -1);
  const RowBlock block = check_block(indptr, indices, nodes, rows, labels.size());
  if (matrix.ndim() != 2 || matrix.shape(0) != matrix.shape(1))
    fail("matrix must be square");
  const int64_t size = matrix.shape(0);
  for (int64_t v = 0; v < labels.size(); ++v)
    if (labels.data()[v] < -1 || labels.data()[v] >= size)
      fail("labels[" + std::to_string(v) + "] = " + std::to_string(labels.data()[v]) +
           " is not in [-1, " + std::to_string(size) + ")");
  int32_t* out = matrix.mutable_data();
  py::gil_scoped_release release;
  add_cluster_edges(block, labels.data(), size, out);
}

std::pair<Int64Array, Int32Array> rows_of_pairs(const Int32Array& rows,
                                                const Int32Array& neighbours,
                                                int64_t num_rows) {
  check_vector("rows", rows, -1);
  check_vector("neighbours", neighbours, rows.size());
  if (num_rows < 0)
    fail("num_rows = " + std::to_string(num_rows) + " is below 0");
  Int64Array indptr(num_rows + 1);
  int64_t* out = indptr.mutable_data();
  Buffer<int32_t> indices;
  {
    py::gil_scoped_release release;
    indices = build_rows(rows.data(), neighbours.data(), rows.size(), num_rows, out);
  }
  return {indptr, to_numpy(std::move(indices))};
}

py::array_t<uint64_t> hashes_of_texts(const UInt8Array& data, const Int64Array& offsets) {
  check_vector("data", data, -1);
  check_vector("offsets", offsets, -1);
  const int64_t num_texts = offsets.size() - 1;
  if (num_texts < 0 || offsets.data()[0] < 0 || offsets.data()[num_texts] > data.size())
    fail("offsets must lie within the " + std::to_string(data.size()) + " bytes of data");
  for (int64_t i = 0; i < num_texts; ++i)
    if (offsets.data()[i] > offsets.data()[i + 1])
      fail("offsets decrease after position " + std::to_string(i));
  py::array_t<uint64_t> hashes(num_texts);
  uint64_t* out = hashes.mutable_data();
  py::gil_scoped_release release;
  hash_texts(data.data(), offsets.data(), num_texts, out);
  return hashes;
}

}  // namespace

void bind_stream(py::module_& m) {
  const auto rows = py::arg("rows").noconvert().none(true) = py::none();
  py::class_<StreamState>(m, "Streamer", "Places nodes as they come; see streaming.h.")
      .def(py::init<Int64Array, int32_t, double, const std::string&, double,
                    const std::optional<Int32Array>&>(),
           py::arg("weights").noconvert(), py::arg("num_parts"), py::arg("slack"), py::arg("rule"),
           py::arg("edges_per_node"), py::arg("assignment").noconvert().none(true) = py::none())
      .def("place", &StreamState::place, py::arg("indptr").noconvert(),
           py::arg("indices").noconvert(), py::arg("nodes").noconvert(), rows)
      .def("restart", &StreamState::restart)
      .def_property_readonly("assignment", &StreamState::assignment);
  py::class_<ClusterState>(m, "Clusterer", "Bounded label propagation; see clusters.h.")
      .def(py::init<Int64Array, const std::vector<int64_t>&>(), py::arg("weights").noconvert(),
           py::arg("capacity"))
      .def("visit", &ClusterState::visit, py::arg("indptr").noconvert(),
           py::arg("indices").noconvert(), py::arg("nodes").noconvert(), rows)
      .def_property_readonly("labels", &ClusterState::labels);
  py::class_<RefineState>(m, "Refiner", "Greedy moves within capacities; see clusters.h.")
      .def(py::init<Int64Array, const Int32Array&, int32_t, double>(),
           py::arg("weights").noconvert(), py::arg("assignment").noconvert(), py::arg("num_parts"),
           py::arg("slack"))
      .def("visit", &RefineState::visit, py::arg("indptr").noconvert(),
           py::arg("indices").noconvert(), py::arg("nodes").noconvert(), rows)
      .def_property_readonly("assignment", &RefineState::assignment);
  const auto bind_blocks = [](auto& type, const char* name, auto method) {
    type.def(name, method, py::arg("src").noconvert(), py::arg("dst").noconvert(),
             py::arg("src_first"), py::arg("num_src"), py::arg("dst_first"), py::arg("num_dst"));
  };
  py::class_<BuilderState> builder(m, "AdjacencyBuilder", "Edges given twice; see adjacency.h.");
  builder.def(py::init<int64_t>(), py::arg("num_nodes"));
  bind_blocks(builder, "count", &BuilderState::count);
  bind_blocks(builder, "scatter", &BuilderState::scatter);
  builder.def("finish", &BuilderState::finish);
  m.def("add_cluster_edges", &add_edges, py::arg("indptr").noconvert(),
        py::arg("indices").noconvert(), py::arg("nodes").noconvert(), py::arg("rows").noconvert().none(true),
        py::arg("labels").noconvert(), py::arg("matrix").noconvert(),
        "Adds the edges between clusters to matrix int32 [C, C].");
  m.def("build_rows", &rows_of_pairs, py::arg("rows").noconvert(),
        py::arg("neighbours").noconvert(), py::arg("num_rows"),
        "Neighbour lists from pairs: (indptr int64 [rows + 1], indices int32, rising, each once).");
  m.def("hash_texts", &hashes_of_texts, py::arg("data").noconvert(),
        py::arg("offsets").noconvert(), "Hash of each text, uint64.");
}

}  // namespace distgnn
