// Sparse times dense, and its derivative by the sparse values.
#pragma once

#include "csc.h"

namespace distgnn {

// Features are rows of heads x channels numbers.
struct Width {
  int64_t heads;
  int64_t channels;

  int64_t total() const { return heads * channels; }
};

// out[i] = row_scale[i] * sum over edges e of i of weight[e] * col_scale[j] * x[j]
//          + (i < num_diag ? diag[i] * x[i] : 0),   j = the source of e.
// A weight has one number per head. Null pointers stand for 1, a null diag for nothing.
template <class T>
struct SpmmArguments {
  const T* x;
  const T* weight;
  const T* row_scale;
  const T* col_scale;
  const T* diag;
  int64_t num_diag;
  bool skip_loops;  // leave out edges from i to i
  T* out;
};

// Both return false, with part of the output unwritten, if a source is out of range.
template <class T>
bool spmm(const Csc& csc, Width width, const SpmmArguments<T>& arguments, int num_threads);

// out[e, h] = <g[i, h], x[j, h]> for every edge e from j to i.
template <class T>
bool sddmm(const Csc& csc, Width width, const T* g, const T* x, T* out, int num_threads);

}  // namespace distgnn
