// Arrays are checked here; distgnn/nn/walks.py and distgnn/nn/skip_gram.py are the only callers.
#include "bind_walks.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "walk.h"
#include "windows.h"

namespace py = pybind11;

namespace distgnn {
namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style>;
using Strided = py::array_t<int64_t, 0>;
using RelationArrays = std::tuple<Array<int64_t>, Array<int64_t>, int64_t>;

[[noreturn]] void throw_missing_node() {
  throw py::index_error("a walk starts at, or an edge leads to, a node that does not exist");
}

Relation relation_of(const RelationArrays& arrays) {
  const auto& [indptr, indices, first] = arrays;
  const int64_t rows = indptr.size() - 1;
  if (rows < 0 || indptr.data()[0] != 0 || indptr.data()[rows] != indices.size()) {
    throw std::invalid_argument("indptr must lead from 0 to the number of indices");
  }
  return {indptr.data(), indices.data(), rows, first};
}

Walks walks_of(const Array<int64_t>& start, uint64_t key, Array<int64_t>& out) {
  if (out.ndim() != 2 || out.shape(0) < 1 || out.shape(1) != start.size()) {
    throw std::invalid_argument("out must have the shape [steps + 1, walks]");
  }
  return {start.data(), start.size(), out.shape(0) - 1, key, out.mutable_data()};
}

void walk_arrays(const std::vector<RelationArrays>& relations, const Array<int64_t>& start, uint64_t key,
                 std::optional<int64_t> dead_end, Array<int64_t> out, int num_threads) {
  if (relations.empty()) throw std::invalid_argument("there are no relations");
  std::vector<Relation> views;
  for (const auto& arrays : relations) views.push_back(relation_of(arrays));
  const Walks walks = walks_of(start, key, out);
  bool good;
  {
    py::gil_scoped_release release;
    good = walk(views, walks, dead_end.value_or(kStay), num_threads);
  }
  if (!good) throw_missing_node();
}

void biased_walk_arrays(const RelationArrays& relation, const Array<int64_t>& start, uint64_t key, double p, double q,
                        Array<int64_t> out, int num_threads) {
  if (!(p > 0) || !(q > 0)) throw std::invalid_argument("p and q must be positive");
  const Relation view = relation_of(relation);
  const Walks walks = walks_of(start, key, out);
  bool good;
  {
    py::gil_scoped_release release;
    good = biased_walk(view, walks, p, q, num_threads);
  }
  if (!good) throw_missing_node();
}

void random_nodes_arrays(const std::vector<std::pair<int64_t, int64_t>>& ranges, const Array<int64_t>& start,
                         uint64_t key, Array<int64_t> out, int num_threads) {
  std::vector<NodeRange> views;
  for (const auto& [first, count] : ranges) {
    if (count < 1 || count > UINT32_MAX) {
      throw std::invalid_argument("there are " + std::to_string(count) + " nodes to draw from, expected 1 to 2^32 - 1");
    }
    views.push_back({first, static_cast<uint32_t>(count)});
  }
  if (views.empty()) throw std::invalid_argument("there are no ranges of nodes");
  const Walks walks = walks_of(start, key, out);
  py::gil_scoped_release release;
  random_nodes(views, walks, num_threads);
}

Windows windows_of(const Strided& windows) {
  if (windows.ndim() != 2 || windows.shape(1) < 1) throw std::invalid_argument("windows must have 2 dimensions");
  constexpr int64_t kBytes = sizeof(int64_t);
  return {windows.data(), windows.shape(0), windows.shape(1), windows.strides(0) / kBytes, windows.strides(1) / kBytes};
}

template <class T>
void window_dots_arrays(const Strided& windows, const Array<T>& x, Array<T> out, int num_threads) {
  const Windows view = windows_of(windows);
  if (x.ndim() != 2 || out.size() != view.num_windows * (view.size - 1)) {
    throw std::invalid_argument("x must have 2 dimensions, out a place for every inner product");
  }
  const int64_t num_nodes = x.shape(0), dim = x.shape(1);
  T* products = out.mutable_data();
  bool good;
  {
    py::gil_scoped_release release;
    good = window_dots(view, x.data(), num_nodes, dim, products, num_threads);
  }
  if (!good) throw py::index_error("a walk names a node outside of 0 to " + std::to_string(num_nodes - 1));
}

template <class T>
void window_dots_gradient_arrays(const Strided& windows, const Array<T>& g, const Array<T>& x,
                                 const std::optional<Array<int32_t>>& slot, Array<T> out, int num_threads) {
  const Windows view = windows_of(windows);
  if (x.ndim() != 2 || out.ndim() != 2 || x.shape(1) != out.shape(1) || g.size() != view.num_windows * (view.size - 1) ||
      (slot ? slot->size() : out.shape(0)) != x.shape(0)) {
    throw std::invalid_argument("g, x, slot and out do not fit each other");
  }
  T* gradient = out.mutable_data();
  py::gil_scoped_release release;
  window_dots_gradient(view, g.data(), x.data(), x.shape(1), slot ? slot->data() : nullptr, gradient, num_threads);
}

// One overload per type; arrays of any other type are refused, never converted.
template <class T>
void define(py::module_& m) {
  const auto array = [](const char* name) { return py::arg(name).noconvert(); };
  m.def("window_dots", &window_dots_arrays<T>, array("windows"), array("x"), array("out"), py::arg("num_threads"),
        "Inner products of each window's first node with the others; see windows.h.");
  m.def("window_dots_gradient", &window_dots_gradient_arrays<T>, array("windows"), array("g"), array("x"),
        array("slot").none(true), array("out"), py::arg("num_threads"), "Add the gradient by x; see windows.h.");
}

}  // namespace

void bind_walks(py::module_& m) {
  const auto array = [](const char* name) { return py::arg(name).noconvert(); };
  m.def("walk", &walk_arrays, py::arg("relations"), array("start"), py::arg("key"), py::arg("dead_end").none(true),
        array("out"), py::arg("num_threads"), "Random walks; see walk.h.");
  m.def("biased_walk", &biased_walk_arrays, py::arg("relation"), array("start"), py::arg("key"), py::arg("p"),
        py::arg("q"), array("out"), py::arg("num_threads"), "Random walks of node2vec; see walk.h.");
  m.def("random_nodes", &random_nodes_arrays, py::arg("ranges"), array("start"), py::arg("key"), array("out"),
        py::arg("num_threads"), "Walks that go anywhere; see walk.h.");
  define<float>(m);
  define<double>(m);
}

}  // namespace distgnn
