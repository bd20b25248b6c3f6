#include "windows.h"

#include "ranges.h"
#include "rows.h"

namespace distgnn {
namespace {

// Windows a thread takes at once, and columns: two cache lines, so that no two threads write to one.
constexpr int64_t kWindowsAtOnce = 256;
constexpr int64_t kColumnBytes = 128;
// Columns summed up in registers and on the stack before they are added to a row.
constexpr int64_t kMaxColumns = 512;

struct Columns {
  int64_t begin;
  int64_t count;
};

template <class T>
DISTGNN_INLINE bool dots(const Windows& w, const T* x, int64_t num_nodes, int64_t dim, T* out, int64_t begin,
                         int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t k = 0; k < w.size; ++k) {
      if (static_cast<uint64_t>(w.at(i, k)) >= static_cast<uint64_t>(num_nodes)) return false;
      if (k + 1 < w.size) prefetch_row(x + w.at(i, k + 1) * dim, dim);
    }
    const T* first = x + w.at(i, 0) * dim;
    for (int64_t k = 1; k < w.size; ++k) *out++ = dot(first, x + w.at(i, k) * dim, dim);
  }
  return true;
}

template <class T>
DISTGNN_INLINE void gradient(const Windows& w, const T* g, const T* x, int64_t dim, const int32_t* slot, T* out,
                             Columns columns) {
  const auto row = [&](int64_t node) { return out + (slot ? slot[node] : node) * dim + columns.begin; };
  T sum[kMaxColumns];
  for (int64_t i = 0; i < w.num_windows; ++i) {
    const T* first = x + w.at(i, 0) * dim + columns.begin;
    std::fill(sum, sum + columns.count, T(0));
    for (int64_t k = 1; k < w.size; ++k, ++g) {
      if (k + 1 < w.size) {
        prefetch_row(x + w.at(i, k + 1) * dim + columns.begin, columns.count);
        prefetch_row(row(w.at(i, k + 1)), columns.count);
      }
      add_scaled(sum, x + w.at(i, k) * dim + columns.begin, *g, columns.count);
      add_scaled(row(w.at(i, k)), first, *g, columns.count);
    }
    add(row(w.at(i, 0)), sum, columns.count);
  }
}

DISTGNN_CLONES bool dots_range(const Windows& w, const float* x, int64_t num_nodes, int64_t dim, float* out,
                               int64_t begin, int64_t end) {
  return dots(w, x, num_nodes, dim, out, begin, end);
}
DISTGNN_CLONES bool dots_range(const Windows& w, const double* x, int64_t num_nodes, int64_t dim, double* out,
                               int64_t begin, int64_t end) {
  return dots(w, x, num_nodes, dim, out, begin, end);
}
DISTGNN_CLONES void gradient_columns(const Windows& w, const float* g, const float* x, int64_t dim,
                                     const int32_t* slot, float* out, Columns columns) {
  gradient(w, g, x, dim, slot, out, columns);
}
DISTGNN_CLONES void gradient_columns(const Windows& w, const double* g, const double* x, int64_t dim,
                                     const int32_t* slot, double* out, Columns columns) {
  gradient(w, g, x, dim, slot, out, columns);
}

}  // namespace

template <class T>
bool window_dots(const Windows& windows, const T* x, int64_t num_nodes, int64_t dim, T* out, int num_threads) {
  return for_range(windows.num_windows, kWindowsAtOnce, num_threads, [&](int64_t begin, int64_t end) {
    return dots_range(windows, x, num_nodes, dim, out + begin * (windows.size - 1), begin, end);
  });
}

template <class T>
void window_dots_gradient(const Windows& windows, const T* g, const T* x, int64_t dim, const int32_t* slot, T* out,
                          int num_threads) {
  const int64_t smallest = kColumnBytes / static_cast<int64_t>(sizeof(T));
  const int64_t shares = std::max<int64_t>(std::min<int64_t>(num_threads, dim / smallest), 1);
  for_range(dim, (dim + shares - 1) / shares, num_threads, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += kMaxColumns) {
      gradient_columns(windows, g, x, dim, slot, out, {at, std::min(kMaxColumns, end - at)});
    }
    return true;
  });
}

template bool window_dots(const Windows&, const float*, int64_t, int64_t, float*, int);
template bool window_dots(const Windows&, const double*, int64_t, int64_t, double*, int);
template void window_dots_gradient(const Windows&, const float*, const float*, int64_t, const int32_t*, float*, int);
template void window_dots_gradient(const Windows&, const double*, const double*, int64_t, const int32_t*, double*,
                                   int);

}  // namespace distgnn
