// The adjacency that all kernels work on: the edges of each target, sorted by target.
#pragma once

#include <cstdint>

namespace distgnn {

// Row i holds edges indptr[i] .. indptr[i + 1]; edge e comes from indices[e]. Values that belong
// to edges (weights) lie at pos[e], or at e where pos is null: a transposed adjacency thus shares
// the values of the one that it was made from.
struct Csc {
  const int64_t* indptr;
  const int64_t* indices;
  const int64_t* pos;
  int64_t num_dst;
  int64_t num_src;

  int64_t num_edges() const { return indptr[num_dst]; }
  int64_t value(int64_t edge) const { return pos ? pos[edge] : edge; }
  bool holds(int64_t source) const {
    return static_cast<uint64_t>(source) < static_cast<uint64_t>(num_src);
  }
};

}  // namespace distgnn
