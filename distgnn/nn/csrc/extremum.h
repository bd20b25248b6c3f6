// Maximum or minimum over the in-neighbours of each target, and its derivative.
#pragma once

#include "csc.h"

namespace distgnn {

// All functions return false, with part of the output unwritten, if a source is out of range.

// out[i] = elementwise maximum (minimum) of x[j] over the edges of i; 0 without edges. NaN wins.
template <class T>
bool extremum(const Csc& csc, int64_t size, bool minimum, const T* x, T* out, int num_threads);

// share[i] = g[i] / number of edges of i whose x[j] equals extreme[i], elementwise. An extreme of
// exactly 0 counts once more, as in torch.scatter_reduce: there the 0 of an empty row ties, too.
template <class T>
bool extremum_share(const Csc& csc, int64_t size, const T* x, const T* extreme, const T* g, T* share, int num_threads);

// On the transposed adjacency (row j = a source, its edges lead to targets i):
// out[j] = sum of share[i] over the edges where x[j] equals extreme[i], elementwise.
template <class T>
bool extremum_gradient(const Csc& transposed, int64_t size, const T* x, const T* extreme, const T* share, T* out,
                       int num_threads);

}  // namespace distgnn
