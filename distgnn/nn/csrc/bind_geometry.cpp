// Sizes are checked here, ends of edges in Python; distgnn/nn/edge_products.py and
// distgnn/nn/silu.py are the only callers.
#include "bind_geometry.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "edge_products.h"
#include "silu.h"

namespace py = pybind11;

namespace distgnn {
namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style>;
using Ends = Array<int64_t>;

void check_size(const char* name, int64_t size, int64_t expected) {
  if (size != expected) {
    throw std::invalid_argument(std::string(name) + " has " + std::to_string(size) + " entries, expected " +
                                std::to_string(expected));
  }
}

EdgesAt edges_at(const Ends& indptr, const std::optional<Ends>& order, const Ends& other) {
  if (indptr.size() == 0) throw std::invalid_argument("indptr is empty, expected at least one entry");
  const EdgesAt edges{indptr.data(), order ? order->data() : nullptr, other.data(), indptr.size() - 1};
  check_size("other", other.size(), edges.num_edges());
  if (order) check_size("order", order->size(), edges.num_edges());
  return edges;
}

template <class T>
int64_t last_of(const Array<T>& array) {
  return array.shape(array.ndim() - 1);
}

// Components and channels of rows [n, L, H].
template <class T>
Sizes sizes_of(const Array<T>& rows, int64_t basis) {
  if (rows.ndim() != 3) throw std::invalid_argument("rows must have three dimensions");
  return {rows.shape(1), rows.shape(2), basis};
}

template <class T>
void filtered_sum_arrays(const Ends& indptr, const std::optional<Ends>& order, const Ends& other, const Array<T>& x,
                         const Array<T>& w, Array<T> out, int num_threads) {
  const EdgesAt edges = edges_at(indptr, order, other);
  const Sizes s = sizes_of(x, w.shape(0));
  check_size("w", w.size(), s.basis * s.channels);
  check_size("out", out.size(), edges.num_nodes * s.components * s.channels);
  if (edges.num_edges() > 0 && s.basis == 0) throw std::invalid_argument("w is empty, but there are edges");
  T* sum = out.mutable_data();
  py::gil_scoped_release release;
  filtered_sum(edges, s, x.data(), w.data(), sum, num_threads);
}

template <class T>
void filtered_weight_arrays(const Ends& i, const Ends& j, const Array<T>& a, const Array<T>& b, Array<T> out,
                            int num_threads) {
  const Sizes s = sizes_of(a, out.shape(0));
  check_size("j", j.size(), i.size());
  check_size("channels of b", last_of(b), s.channels);
  check_size("channels of out", last_of(out), s.channels);
  T* weight = out.mutable_data();
  py::gil_scoped_release release;
  filtered_weight(i.data(), j.data(), i.size(), s, a.data(), b.data(), weight, num_threads);
}

template <class T>
void outer_sum_arrays(const Ends& indptr, const std::optional<Ends>& order, const Ends& other, const Array<T>& x,
                      const Array<T>& d, Array<T> out, int num_threads) {
  const EdgesAt edges = edges_at(indptr, order, other);
  const Sizes s = sizes_of(out, 0);
  check_size("d", d.size(), edges.num_edges() * s.components);
  check_size("channels of x", last_of(x), s.channels);
  check_size("rows of out", out.shape(0), edges.num_nodes);
  T* sum = out.mutable_data();
  py::gil_scoped_release release;
  outer_sum(edges, s, x.data(), d.data(), sum, num_threads);
}

template <class T>
void outer_project_arrays(const Ends& indptr, const std::optional<Ends>& order, const Ends& other, const Array<T>& a,
                          const Array<T>& d, Array<T> out, int num_threads) {
  const EdgesAt edges = edges_at(indptr, order, other);
  const Sizes s = sizes_of(a, 0);
  check_size("d", d.size(), edges.num_edges() * s.components);
  check_size("out", out.size(), edges.num_nodes * s.channels);
  T* projected = out.mutable_data();
  py::gil_scoped_release release;
  outer_project(edges, s, a.data(), d.data(), projected, num_threads);
}

template <class T>
void outer_weight_arrays(const Ends& i, const Ends& j, const Array<T>& a, const Array<T>& x, Array<T> out,
                         int num_threads) {
  const Sizes s = sizes_of(a, 0);
  check_size("j", j.size(), i.size());
  check_size("channels of x", last_of(x), s.channels);
  check_size("out", out.size(), i.size() * s.components);
  T* weight = out.mutable_data();
  py::gil_scoped_release release;
  outer_weight(i.data(), j.data(), i.size(), s, a.data(), x.data(), weight, num_threads);
}

template <class T>
void low_rank_sum_arrays(const Ends& indptr, const std::optional<Ends>& order, const Ends& other, const Array<T>& x,
                         const Array<T>& basis, const Array<T>& weight, Array<T> out, int num_threads) {
  const EdgesAt edges = edges_at(indptr, order, other);
  const Sizes s{1, last_of(weight), weight.shape(0)};
  check_size("channels of x", last_of(x), s.channels);
  check_size("basis", basis.size(), edges.num_edges() * s.basis);
  check_size("out", out.size(), edges.num_nodes * s.channels);
  T* sum = out.mutable_data();
  py::gil_scoped_release release;
  low_rank_sum(edges, s, x.data(), basis.data(), weight.data(), sum, num_threads);
}

template <class T>
void low_rank_basis_arrays(const Ends& i, const Ends& j, const Array<T>& a, const Array<T>& x, const Array<T>& weight,
                           Array<T> out, int num_threads) {
  const Sizes s{1, last_of(weight), weight.shape(0)};
  check_size("j", j.size(), i.size());
  check_size("channels of a", last_of(a), s.channels);
  check_size("channels of x", last_of(x), s.channels);
  check_size("out", out.size(), i.size() * s.basis);
  T* basis = out.mutable_data();
  py::gil_scoped_release release;
  low_rank_basis(i.data(), j.data(), i.size(), s, a.data(), x.data(), weight.data(), basis, num_threads);
}

template <class T>
void low_rank_weight_arrays(const Ends& i, const Ends& j, const Array<T>& a, const Array<T>& x, const Array<T>& basis,
                            Array<T> out, int num_threads) {
  const Sizes s{1, last_of(out), out.shape(0)};
  check_size("j", j.size(), i.size());
  check_size("channels of a", last_of(a), s.channels);
  check_size("channels of x", last_of(x), s.channels);
  check_size("basis", basis.size(), i.size() * s.basis);
  T* weight = out.mutable_data();
  py::gil_scoped_release release;
  low_rank_weight(i.data(), j.data(), i.size(), s, a.data(), x.data(), basis.data(), weight, num_threads);
}

template <class T>
void silu_slope_arrays(const Array<T>& x, const Array<T>& s, const Array<T>& g, Array<T> out, int num_threads) {
  check_size("s", s.size(), x.size());
  check_size("g", g.size(), x.size());
  check_size("out", out.size(), x.size());
  T* slope = out.mutable_data();
  py::gil_scoped_release release;
  silu_slope(x.data(), s.data(), g.data(), slope, x.size(), num_threads);
}

template <class T>
void silu_curve_arrays(const Array<T>& x, const Array<T>& s, const Array<T>& g, const Array<T>& h, Array<T> by_g,
                       Array<T> by_x, int num_threads) {
  check_size("s", s.size(), x.size());
  check_size("g", g.size(), x.size());
  check_size("h", h.size(), x.size());
  check_size("by_g", by_g.size(), x.size());
  check_size("by_x", by_x.size(), x.size());
  T* first = by_g.mutable_data();
  T* second = by_x.mutable_data();
  py::gil_scoped_release release;
  silu_curve(x.data(), s.data(), g.data(), h.data(), first, second, x.size(), num_threads);
}

// One overload per type; arrays of any other type or layout are refused, never converted.
template <class T>
void define(py::module_& m) {
  const auto array = [](const char* name) { return py::arg(name).noconvert(); };
  const auto order = py::arg("order").noconvert().none(true);
  const auto threads = py::arg("num_threads");
  m.def("filtered_sum", &filtered_sum_arrays<T>, array("indptr"), order, array("other"), array("x"), array("w"),
        array("out"), threads, "See edge_products.h.");
  m.def("filtered_weight", &filtered_weight_arrays<T>, array("i"), array("j"), array("a"), array("b"), array("out"),
        threads, "See edge_products.h.");
  m.def("outer_sum", &outer_sum_arrays<T>, array("indptr"), order, array("other"), array("x"), array("d"), array("out"),
        threads, "See edge_products.h.");
  m.def("outer_project", &outer_project_arrays<T>, array("indptr"), order, array("other"), array("a"), array("d"),
        array("out"), threads, "See edge_products.h.");
  m.def("outer_weight", &outer_weight_arrays<T>, array("i"), array("j"), array("a"), array("x"), array("out"), threads,
        "See edge_products.h.");
  m.def("low_rank_sum", &low_rank_sum_arrays<T>, array("indptr"), order, array("other"), array("x"), array("basis"),
        array("weight"), array("out"), threads, "See edge_products.h.");
  m.def("low_rank_basis", &low_rank_basis_arrays<T>, array("i"), array("j"), array("a"), array("x"), array("weight"),
        array("out"), threads, "See edge_products.h.");
  m.def("low_rank_weight", &low_rank_weight_arrays<T>, array("i"), array("j"), array("a"), array("x"), array("basis"),
        array("out"), threads, "See edge_products.h.");
  m.def("silu_slope", &silu_slope_arrays<T>, array("x"), array("s"), array("g"), array("out"), threads, "See silu.h.");
  m.def("silu_curve", &silu_curve_arrays<T>, array("x"), array("s"), array("g"), array("h"), array("by_g"),
        array("by_x"), threads, "See silu.h.");
}

}  // namespace

void bind_geometry(py::module_& m) {
  define<float>(m);
  define<double>(m);
}

}  // namespace distgnn
