#include "spmm.h"

#include "parallel.h"
#include "rows.h"

namespace distgnn {
namespace {

template <class T>
DISTGNN_INLINE void add_edge(T* out, const T* row, const T* weight, T factor, Width width) {
  if (weight == nullptr) {
    add_scaled(out, row, factor, width.total());
    return;
  }
  for (int64_t head = 0; head < width.heads; ++head) {
    const int64_t at = head * width.channels;
    add_scaled(out + at, row + at, factor * weight[head], width.channels);
  }
}

template <class T>
DISTGNN_INLINE bool spmm_rows(const Csc& csc, Width width, const SpmmArguments<T>& a, int64_t begin, int64_t end) {
  const int64_t size = width.total();
  const int64_t last = csc.num_edges();
  for (int64_t i = begin; i < end; ++i) {
    T* out = a.out + i * size;
    std::fill(out, out + size, T(0));
    for (int64_t e = csc.indptr[i]; e < csc.indptr[i + 1]; ++e) {
      const int64_t j = csc.indices[e];
      if (!csc.holds(j)) return false;
      if (e + kRowsAhead < last) prefetch_row(a.x + csc.indices[e + kRowsAhead] * size, size);
      if (a.skip_loops && i == j) continue;
      if (a.weight == nullptr && a.col_scale == nullptr) {
        add(out, a.x + j * size, size);
      } else {
        const T* weight = a.weight ? a.weight + csc.value(e) * width.heads : nullptr;
        add_edge(out, a.x + j * size, weight, a.col_scale ? a.col_scale[j] : T(1), width);
      }
    }
    if (a.row_scale) scale(out, a.row_scale[i], size);
    if (i < a.num_diag) add_scaled(out, a.x + i * size, a.diag[i], size);
  }
  return true;
}

template <class T>
DISTGNN_INLINE bool sddmm_rows(const Csc& csc, Width width, const T* g, const T* x, T* out, int64_t begin, int64_t end) {
  const int64_t size = width.total();
  const int64_t last = csc.num_edges();
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t e = csc.indptr[i]; e < csc.indptr[i + 1]; ++e) {
      const int64_t j = csc.indices[e];
      if (!csc.holds(j)) return false;
      if (e + kRowsAhead < last) prefetch_row(x + csc.indices[e + kRowsAhead] * size, size);
      T* products = out + csc.value(e) * width.heads;
      for (int64_t head = 0; head < width.heads; ++head) {
        const int64_t at = head * width.channels;
        products[head] = dot(g + i * size + at, x + j * size + at, width.channels);
      }
    }
  }
  return true;
}

DISTGNN_CLONES bool spmm_range(const Csc& csc, Width width, const SpmmArguments<float>& a, int64_t begin, int64_t end) {
  return spmm_rows(csc, width, a, begin, end);
}
DISTGNN_CLONES bool spmm_range(const Csc& csc, Width width, const SpmmArguments<double>& a, int64_t begin, int64_t end) {
  return spmm_rows(csc, width, a, begin, end);
}
DISTGNN_CLONES bool sddmm_range(const Csc& csc, Width width, const float* g, const float* x, float* out, int64_t begin,
                                int64_t end) {
  return sddmm_rows(csc, width, g, x, out, begin, end);
}
DISTGNN_CLONES bool sddmm_range(const Csc& csc, Width width, const double* g, const double* x, double* out,
                                int64_t begin, int64_t end) {
  return sddmm_rows(csc, width, g, x, out, begin, end);
}

}  // namespace

template <class T>
bool spmm(const Csc& csc, Width width, const SpmmArguments<T>& arguments, int num_threads) {
  return for_rows(csc, width.total(), num_threads,
                  [&](int64_t begin, int64_t end) { return spmm_range(csc, width, arguments, begin, end); });
}

template <class T>
bool sddmm(const Csc& csc, Width width, const T* g, const T* x, T* out, int num_threads) {
  return for_rows(csc, width.total(), num_threads,
                  [&](int64_t begin, int64_t end) { return sddmm_range(csc, width, g, x, out, begin, end); });
}

template bool spmm(const Csc&, Width, const SpmmArguments<float>&, int);
template bool spmm(const Csc&, Width, const SpmmArguments<double>&, int);
template bool sddmm(const Csc&, Width, const float*, const float*, float*, int);
template bool sddmm(const Csc&, Width, const double*, const double*, double*, int);

}  // namespace distgnn
