// Bindings: every argument is checked here, the message naming it and its value; the kernels run
// without the GIL.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "adjacency.h"
#include "bind_stream.h"
#include "checks.h"
#include "csc.h"
#include "rebalance.h"

namespace py = pybind11;

namespace {

using distgnn::check_adjacency;
using distgnn::check_num_parts;
using distgnn::check_vector;
using distgnn::check_weights;
using distgnn::fail;
using distgnn::Int32Array;
using distgnn::Int64Array;
using distgnn::to_numpy;

void check_rows(const char* name, const Int64Array& rows, int64_t limit) {
  for (int64_t i = 0; i < rows.size(); ++i)
    if (rows.data()[i] < 0 || rows.data()[i] >= limit)
      fail(std::string(name) + "[" + std::to_string(i) + "] = " + std::to_string(rows.data()[i]) +
           " is not in [0, " + std::to_string(limit) + ")");
}

// (src, dst, src_first, num_src, dst_first, num_dst)
using Block = std::tuple<Int64Array, Int64Array, int64_t, int64_t, int64_t, int64_t>;

std::pair<py::array_t<int64_t>, py::array_t<int32_t>> build_adjacency(
    const std::vector<Block>& blocks,
    int64_t num_nodes) {
  std::vector<distgnn::EdgeBlock> views;
  for (const auto& [src, dst, src_first, num_src, dst_first, num_dst] : blocks) {
    check_vector("src", src, -1);
    check_vector("dst", dst, src.size());
    if (src_first < 0 || num_src < 0 || src_first + num_src > num_nodes)
      fail("sources " + std::to_string(src_first) + " + " + std::to_string(num_src) +
           " are not within num_nodes = " + std::to_string(num_nodes));
    if (dst_first < 0 || num_dst < 0 || dst_first + num_dst > num_nodes)
      fail("destinations " + std::to_string(dst_first) + " + " + std::to_string(num_dst) +
           " are not within num_nodes = " + std::to_string(num_nodes));
    views.push_back({src.data(), dst.data(), src.size(), src_first, num_src, dst_first, num_dst});
  }
  distgnn::Adjacency adjacency;
  {
    py::gil_scoped_release release;
    adjacency = distgnn::build_adjacency(views, num_nodes);
  }
  return {to_numpy(std::move(adjacency.indptr)), to_numpy(std::move(adjacency.indices))};
}

py::array_t<int32_t> rebalance(const Int64Array& indptr,
                               const Int32Array& indices,
                               const Int64Array& weights,
                               const Int32Array& assignment,
                               int32_t num_parts,
                               double slack) {
  check_adjacency(indptr, indices);
  const int64_t num_nodes = indptr.size() - 1;
  const distgnn::Weights checked = check_weights(weights, num_nodes, num_parts, slack);
  check_vector("assignment", assignment, num_nodes);
  for (int64_t v = 0; v < num_nodes; ++v)
    if (assignment.data()[v] < 0 || assignment.data()[v] >= num_parts)
      fail("assignment[" + std::to_string(v) + "] = " + std::to_string(assignment.data()[v]) +
           " is not in [0, " + std::to_string(num_parts) + ")");
  py::array_t<int32_t> balanced(num_nodes);
  int32_t* out = balanced.mutable_data();
  std::copy(assignment.data(), assignment.data() + num_nodes, out);
  {
    py::gil_scoped_release release;
    distgnn::rebalance(indptr.data(), indices.data(), checked, out);
  }
  return balanced;
}

std::pair<py::array_t<int64_t>, py::array_t<int64_t>> group_by_part(const Int32Array& part_of,
                                                                    int32_t num_parts) {
  check_vector("part_of", part_of, -1);
  check_num_parts(num_parts);
  py::array_t<int64_t> offsets(num_parts + 1);
  py::array_t<int64_t> order(part_of.size());
  int64_t* offsets_data = offsets.mutable_data();
  int64_t* order_data = order.mutable_data();
  {
    py::gil_scoped_release release;
    distgnn::group_by_part(part_of.data(), order.size(), num_parts, offsets_data, order_data);
  }
  return {offsets, order};
}

std::pair<py::array_t<int64_t>, py::array_t<int64_t>> build_csc(
    const Int64Array& src,
    const Int64Array& dst,
    const std::optional<Int64Array>& time,
    int64_t num_src,
    const Int64Array& dst_id,
    int num_threads) {
  check_vector("src", src, -1);
  check_vector("dst", dst, src.size());
  if (time)
    check_vector("time", *time, src.size());
  check_vector("dst_id", dst_id, -1);
  if (num_threads < 1)
    fail("num_threads = " + std::to_string(num_threads) + " is below 1");
  const distgnn::CscInput input{src.data(),   dst.data(), time ? time->data() : nullptr,
                                src.size(),   num_src,    dst_id.data(),
                                dst_id.size()};
  py::array_t<int64_t> indptr(dst_id.size() + 1);
  int64_t* indptr_data = indptr.mutable_data();
  distgnn::Buffer<distgnn::InEdge> edges;
  {
    py::gil_scoped_release release;
    edges = distgnn::build_csc(input, num_threads, indptr_data);
  }
  const int64_t num_edges = edges.size();
  distgnn::InEdge* data = edges.release();
  py::capsule owner(data, [](void* p) { std::free(p); });
  return {indptr, py::array_t<int64_t>({num_edges, int64_t{2}}, &data->src, owner)};
}

int64_t count_cut(const Int64Array& src,
                  const Int64Array& dst,
                  const Int32Array& part_of_src,
                  const Int32Array& part_of_dst) {
  check_vector("src", src, -1);
  check_vector("dst", dst, src.size());
  check_vector("part_of_src", part_of_src, -1);
  check_vector("part_of_dst", part_of_dst, -1);
  check_rows("src", src, part_of_src.size());
  check_rows("dst", dst, part_of_dst.size());
  py::gil_scoped_release release;
  return distgnn::count_cut(src.data(), dst.data(), src.size(), part_of_src.data(),
                            part_of_dst.data());
}

}  // namespace

PYBIND11_MODULE(_kernels, m) {
  m.doc() = "Kernels of distgnn.partition; each is described in its header in csrc/.";
  m.def("build_adjacency", &build_adjacency, py::arg("blocks"), py::arg("num_nodes"),
        "Undirected simple graph below directed edges: (indptr int64 [N + 1], indices int32).");
  m.def("rebalance", &rebalance, py::arg("indptr").noconvert(), py::arg("indices").noconvert(),
        py::arg("weights").noconvert(), py::arg("assignment").noconvert(), py::arg("num_parts"),
        py::arg("slack"), "Moves nodes out of overfull parts: the new assignment, int32 [N].");
  m.def("group_by_part", &group_by_part, py::arg("part_of").noconvert(), py::arg("num_parts"),
        "Rows sorted by part, stably: (offsets int64 [num_parts + 1], order int64 [rows]).");
  m.def("build_csc", &build_csc, py::arg("src").noconvert(), py::arg("dst").noconvert(),
        py::arg("time").noconvert().none(true), py::arg("num_src"), py::arg("dst_id").noconvert(),
        py::arg("num_threads"),
        "Edges sorted into rows: (indptr int64 [rows + 1], (source, eid) int64 [E, 2]).");
  m.def("count_cut", &count_cut, py::arg("src").noconvert(), py::arg("dst").noconvert(),
        py::arg("part_of_src").noconvert(), py::arg("part_of_dst").noconvert(),
        "Number of edges between different parts.");
  distgnn::bind_stream(m);
}
