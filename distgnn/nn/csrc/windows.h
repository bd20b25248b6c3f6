// Inner products between the first node of a window and the others, for skip-gram embeddings.
#pragma once

#include <cstdint>

namespace distgnn {

// Window i holds nodes at(i, 0) .. at(i, size - 1).
struct Windows {
  const int64_t* data;
  int64_t num_windows;
  int64_t size;
  int64_t row_stride;
  int64_t column_stride;

  int64_t at(int64_t window, int64_t k) const { return data[window * row_stride + k * column_stride]; }
};

// out[i * (size - 1) + k - 1] = <x[at(i, 0)], x[at(i, k)]> of rows of `dim` numbers. Returns false
// if a node is not below `num_nodes`.
template <class T>
bool window_dots(const Windows& windows, const T* x, int64_t num_nodes, int64_t dim, T* out, int num_threads);

// Adds the gradient by x: row `slot[node]` (`node` where slot is null) of `out` is that of x[node].
// Threads share out the columns, so that the order of additions does not depend on their number.
template <class T>
void window_dots_gradient(const Windows& windows, const T* g, const T* x, int64_t dim, const int32_t* slot, T* out,
                          int num_threads);

}  // namespace distgnn
