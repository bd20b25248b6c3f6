#include "extremum.h"

#include "parallel.h"
#include "rows.h"

namespace distgnn {
namespace {

template <class T>
DISTGNN_INLINE void keep_larger(T* __restrict out, const T* __restrict row, int64_t size) {
  for (int64_t k = 0; k < size; ++k) out[k] = (row[k] <= out[k] || out[k] != out[k]) ? out[k] : row[k];
}

template <class T>
DISTGNN_INLINE void keep_smaller(T* __restrict out, const T* __restrict row, int64_t size) {
  for (int64_t k = 0; k < size; ++k) out[k] = (row[k] >= out[k] || out[k] != out[k]) ? out[k] : row[k];
}

template <class T>
DISTGNN_INLINE bool extremum_rows(const Csc& csc, int64_t size, bool minimum, const T* x, T* result, int64_t begin,
                                  int64_t end) {
  const int64_t last = csc.num_edges();
  for (int64_t i = begin; i < end; ++i) {
    T* out = result + i * size;
    const int64_t first = csc.indptr[i];
    if (first == csc.indptr[i + 1]) std::fill(out, out + size, T(0));
    for (int64_t e = first; e < csc.indptr[i + 1]; ++e) {
      const int64_t j = csc.indices[e];
      if (!csc.holds(j)) return false;
      if (e + kRowsAhead < last) prefetch_row(x + csc.indices[e + kRowsAhead] * size, size);
      const T* row = x + j * size;
      if (e == first) {
        std::copy(row, row + size, out);
      } else if (minimum) {
        keep_smaller(out, row, size);
      } else {
        keep_larger(out, row, size);
      }
    }
  }
  return true;
}

template <class T>
DISTGNN_INLINE bool share_rows(const Csc& csc, int64_t size, const T* x, const T* extreme, const T* g, T* share,
                               int64_t begin, int64_t end) {
  const int64_t last = csc.num_edges();
  for (int64_t i = begin; i < end; ++i) {
    T* __restrict out = share + i * size;
    const T* __restrict best = extreme + i * size;
    for (int64_t k = 0; k < size; ++k) out[k] = best[k] == T(0) ? T(1) : T(0);
    for (int64_t e = csc.indptr[i]; e < csc.indptr[i + 1]; ++e) {
      const int64_t j = csc.indices[e];
      if (!csc.holds(j)) return false;
      if (e + kRowsAhead < last) prefetch_row(x + csc.indices[e + kRowsAhead] * size, size);
      const T* __restrict row = x + j * size;
      for (int64_t k = 0; k < size; ++k) out[k] += row[k] == best[k] ? T(1) : T(0);
    }
    const T* __restrict gradient = g + i * size;
    for (int64_t k = 0; k < size; ++k) out[k] = gradient[k] / out[k];
  }
  return true;
}

template <class T>
DISTGNN_INLINE bool gradient_rows(const Csc& csc, int64_t size, const T* x, const T* extreme, const T* share, T* result,
                                  int64_t begin, int64_t end) {
  const int64_t last = csc.num_edges();
  for (int64_t j = begin; j < end; ++j) {
    T* __restrict out = result + j * size;
    const T* __restrict row = x + j * size;
    std::fill(out, out + size, T(0));
    for (int64_t e = csc.indptr[j]; e < csc.indptr[j + 1]; ++e) {
      const int64_t i = csc.indices[e];
      if (!csc.holds(i)) return false;
      if (e + kRowsAhead < last) {
        prefetch_row(extreme + csc.indices[e + kRowsAhead] * size, size);
        prefetch_row(share + csc.indices[e + kRowsAhead] * size, size);
      }
      const T* __restrict best = extreme + i * size;
      const T* __restrict part = share + i * size;
      for (int64_t k = 0; k < size; ++k) out[k] += row[k] == best[k] ? part[k] : T(0);
    }
  }
  return true;
}

#define DISTGNN_RANGES(T)                                                                                           \
  DISTGNN_CLONES bool extremum_range(const Csc& csc, int64_t size, bool minimum, const T* x, T* out, int64_t begin, \
                                     int64_t end) {                                                                 \
    return extremum_rows(csc, size, minimum, x, out, begin, end);                                                   \
  }                                                                                                                 \
  DISTGNN_CLONES bool share_range(const Csc& csc, int64_t size, const T* x, const T* extreme, const T* g, T* share, \
                                  int64_t begin, int64_t end) {                                                     \
    return share_rows(csc, size, x, extreme, g, share, begin, end);                                                 \
  }                                                                                                                 \
  DISTGNN_CLONES bool gradient_range(const Csc& csc, int64_t size, const T* x, const T* extreme, const T* share,    \
                                     T* out, int64_t begin, int64_t end) {                                          \
    return gradient_rows(csc, size, x, extreme, share, out, begin, end);                                            \
  }
DISTGNN_RANGES(float)
DISTGNN_RANGES(double)
#undef DISTGNN_RANGES

}  // namespace

template <class T>
bool extremum(const Csc& csc, int64_t size, bool minimum, const T* x, T* out, int num_threads) {
  return for_rows(csc, size, num_threads,
                  [&](int64_t begin, int64_t end) { return extremum_range(csc, size, minimum, x, out, begin, end); });
}

template <class T>
bool extremum_share(const Csc& csc, int64_t size, const T* x, const T* extreme, const T* g, T* share, int num_threads) {
  return for_rows(csc, size, num_threads, [&](int64_t begin, int64_t end) {
    return share_range(csc, size, x, extreme, g, share, begin, end);
  });
}

template <class T>
bool extremum_gradient(const Csc& transposed, int64_t size, const T* x, const T* extreme, const T* share, T* out,
                       int num_threads) {
  return for_rows(transposed, 2 * size, num_threads, [&](int64_t begin, int64_t end) {
    return gradient_range(transposed, size, x, extreme, share, out, begin, end);
  });
}

#define DISTGNN_INSTANTIATE(T)                                                                              \
  template bool extremum(const Csc&, int64_t, bool, const T*, T*, int);                                     \
  template bool extremum_share(const Csc&, int64_t, const T*, const T*, const T*, T*, int);                 \
  template bool extremum_gradient(const Csc&, int64_t, const T*, const T*, const T*, T*, int);
DISTGNN_INSTANTIATE(float)
DISTGNN_INSTANTIATE(double)
#undef DISTGNN_INSTANTIATE

}  // namespace distgnn
