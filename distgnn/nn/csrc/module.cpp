// Python bindings. Arrays are checked here; distgnn/nn/kernels.py is the only caller.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "bind_geometry.h"
#include "bind_walks.h"
#include "extremum.h"
#include "spmm.h"
#include "zero_rows.h"

namespace py = pybind11;

namespace distgnn {
namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style>;
template <class T>
using MaybeArray = std::optional<Array<T>>;

void check_size(const char* name, int64_t size, int64_t expected) {
  if (size != expected) {
    throw std::invalid_argument(std::string(name) + " has " + std::to_string(size) + " entries, expected " +
                                std::to_string(expected));
  }
}

template <class T>
const T* data_of(const char* name, const MaybeArray<T>& array, int64_t expected) {
  if (!array) return nullptr;
  check_size(name, array->size(), expected);
  return array->data();
}

Csc adjacency(const Array<int64_t>& indptr, const Array<int64_t>& indices, const MaybeArray<int64_t>& pos,
              int64_t num_src) {
  if (indptr.size() == 0) throw std::invalid_argument("indptr is empty, expected at least one entry");
  const Csc csc{indptr.data(), indices.data(), data_of("pos", pos, indices.size()), indptr.size() - 1, num_src};
  for (int64_t i = 0; i < csc.num_dst; ++i) {
    if (csc.indptr[i] > csc.indptr[i + 1]) {
      throw std::invalid_argument("indptr decreases after row " + std::to_string(i));
    }
  }
  if (csc.indptr[0] != 0) throw std::invalid_argument("indptr starts at " + std::to_string(csc.indptr[0]) + ", not 0");
  check_size("indices", indices.size(), csc.num_edges());
  return csc;
}

[[noreturn]] void throw_out_of_range(const Csc& csc) {
  for (int64_t e = 0; e < csc.num_edges(); ++e) {
    if (!csc.holds(csc.indices[e])) {
      throw py::index_error("edge " + std::to_string(e) + " comes from node " + std::to_string(csc.indices[e]) +
                            ", but there are " + std::to_string(csc.num_src) + " nodes");
    }
  }
  throw std::logic_error("a kernel failed on an adjacency without fault");
}

// Rows of x and their width, checked against the adjacency.
template <class T>
Width width_of(const char* name, const Array<T>& rows, int64_t num_rows, int64_t heads) {
  if (rows.ndim() != 2) throw std::invalid_argument(std::string(name) + " must have two dimensions");
  check_size(name, rows.shape(0), num_rows);
  if (heads < 1 || rows.shape(1) % heads != 0) {
    throw std::invalid_argument(std::to_string(heads) + " heads do not divide the " + std::to_string(rows.shape(1)) +
                                " columns of " + name);
  }
  return {heads, rows.shape(1) / heads};
}

template <class Run>
void run_kernel(const Csc& csc, Run run) {
  bool good;
  {
    py::gil_scoped_release release;
    good = run();
  }
  if (!good) throw_out_of_range(csc);
}

template <class T>
void spmm_arrays(const Array<int64_t>& indptr, const Array<int64_t>& indices, const MaybeArray<int64_t>& pos,
                 const Array<T>& x, int64_t heads, const MaybeArray<T>& weight, const MaybeArray<T>& row_scale,
                 const MaybeArray<T>& col_scale, const MaybeArray<T>& diag, bool skip_loops, Array<T> out,
                 int num_threads) {
  const Csc csc = adjacency(indptr, indices, pos, x.shape(0));
  const Width width = width_of("x", x, csc.num_src, heads);
  check_size("out", out.size(), csc.num_dst * width.total());
  const int64_t num_diag = diag ? diag->size() : 0;
  if (num_diag > std::min(csc.num_dst, csc.num_src)) throw std::invalid_argument("diag is longer than the diagonal");
  const SpmmArguments<T> arguments{x.data(),
                                   data_of("weight", weight, csc.num_edges() * heads),
                                   data_of("row_scale", row_scale, csc.num_dst),
                                   data_of("col_scale", col_scale, csc.num_src),
                                   diag ? diag->data() : nullptr,
                                   num_diag,
                                   skip_loops,
                                   out.mutable_data()};
  run_kernel(csc, [&] { return spmm(csc, width, arguments, num_threads); });
}

template <class T>
void sddmm_arrays(const Array<int64_t>& indptr, const Array<int64_t>& indices, const MaybeArray<int64_t>& pos,
                  const Array<T>& g, const Array<T>& x, int64_t heads, Array<T> out, int num_threads) {
  const Csc csc = adjacency(indptr, indices, pos, x.shape(0));
  const Width width = width_of("x", x, csc.num_src, heads);
  check_size("g", g.size(), csc.num_dst * width.total());
  check_size("out", out.size(), csc.num_edges() * heads);
  T* products = out.mutable_data();
  run_kernel(csc, [&] { return sddmm(csc, width, g.data(), x.data(), products, num_threads); });
}

template <class T>
void extremum_arrays(const Array<int64_t>& indptr, const Array<int64_t>& indices, const Array<T>& x, bool minimum,
                     Array<T> out, int num_threads) {
  const Csc csc = adjacency(indptr, indices, std::nullopt, x.shape(0));
  const int64_t size = width_of("x", x, csc.num_src, 1).total();
  check_size("out", out.size(), csc.num_dst * size);
  T* extreme = out.mutable_data();
  run_kernel(csc, [&] { return extremum(csc, size, minimum, x.data(), extreme, num_threads); });
}

template <class T>
void extremum_share_arrays(const Array<int64_t>& indptr, const Array<int64_t>& indices, const Array<T>& x,
                           const Array<T>& extreme, const Array<T>& g, Array<T> out, int num_threads) {
  const Csc csc = adjacency(indptr, indices, std::nullopt, x.shape(0));
  const int64_t size = width_of("x", x, csc.num_src, 1).total();
  check_size("extreme", extreme.size(), csc.num_dst * size);
  check_size("g", g.size(), csc.num_dst * size);
  check_size("out", out.size(), csc.num_dst * size);
  T* share = out.mutable_data();
  run_kernel(csc, [&] { return extremum_share(csc, size, x.data(), extreme.data(), g.data(), share, num_threads); });
}

template <class T>
void extremum_gradient_arrays(const Array<int64_t>& indptr, const Array<int64_t>& indices, const Array<T>& x,
                              const Array<T>& extreme, const Array<T>& share, Array<T> out, int num_threads) {
  const Csc csc = adjacency(indptr, indices, std::nullopt, extreme.shape(0));
  const int64_t size = width_of("extreme", extreme, csc.num_src, 1).total();
  check_size("share", share.size(), csc.num_src * size);
  check_size("x", x.size(), csc.num_dst * size);
  check_size("out", out.size(), csc.num_dst * size);
  T* gradient = out.mutable_data();
  run_kernel(csc, [&] {
    return extremum_gradient(csc, size, x.data(), extreme.data(), share.data(), gradient, num_threads);
  });
}

template <class T>
int64_t num_rows_not_zero_of(const Array<T>& rows) {
  if (rows.ndim() != 2) throw std::invalid_argument("rows must have two dimensions");
  const char* data = reinterpret_cast<const char*>(rows.data());
  const int64_t num_rows = rows.shape(0), row_bytes = rows.shape(1) * static_cast<int64_t>(sizeof(T));
  py::gil_scoped_release release;
  return num_rows_not_zero(data, num_rows, row_bytes);
}

// One overload per type; arrays of any other type or layout are refused, never converted.
template <class T>
void define(py::module_& m) {
  const auto array = [](const char* name) { return py::arg(name).noconvert(); };
  const auto maybe = [](const char* name) { return py::arg(name).noconvert() = py::none(); };
  m.def("spmm", &spmm_arrays<T>, array("indptr"), array("indices"), array("pos").none(true), array("x"), py::arg("heads"),
        maybe("weight"), maybe("row_scale"), maybe("col_scale"), maybe("diag"), py::arg("skip_loops"), array("out"),
        py::arg("num_threads"), "Multiply a sparse adjacency by dense rows; see spmm.h.");
  m.def("sddmm", &sddmm_arrays<T>, array("indptr"), array("indices"), array("pos").none(true), array("g"), array("x"),
        py::arg("heads"), array("out"), py::arg("num_threads"),
        "Inner products of the rows at both ends of each edge; see spmm.h.");
  m.def("extremum", &extremum_arrays<T>, array("indptr"), array("indices"), array("x"), py::arg("minimum"), array("out"),
        py::arg("num_threads"), "Maximum or minimum over in-neighbours; see extremum.h.");
  m.def("extremum_share", &extremum_share_arrays<T>, array("indptr"), array("indices"), array("x"), array("extreme"),
        array("g"), array("out"), py::arg("num_threads"), "Gradient per neighbour that attains it; see extremum.h.");
  m.def("extremum_gradient", &extremum_gradient_arrays<T>, array("indptr"), array("indices"), array("x"),
        array("extreme"), array("share"), array("out"), py::arg("num_threads"), "Sum of shares; see extremum.h.");
  m.def("num_rows_not_zero", &num_rows_not_zero_of<T>, array("rows"), "Rows up to the last not zero; see zero_rows.h.");
}

}  // namespace
}  // namespace distgnn

PYBIND11_MODULE(_kernels, m) {
  m.doc() = "Kernels of message passing on the CPU, for float32 and float64, and random walks.";
  distgnn::define<float>(m);
  distgnn::define<double>(m);
  distgnn::bind_geometry(m);
  distgnn::bind_walks(m);
}
