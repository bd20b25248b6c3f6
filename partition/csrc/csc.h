#ifndef DISTGNN_PARTITION_CSC_H_
#define DISTGNN_PARTITION_CSC_H_

#include <cstdint>

#include "buffer.h"

namespace distgnn {

// Sorts node rows by their part, stably: the rows of part p are
// order[offsets[p] .. offsets[p + 1]), ascending. offsets [num_parts + 1], order [num_rows].
// Throws std::invalid_argument if a part is out of range.
void group_by_part(const int32_t* part_of,
                   int64_t num_rows,
                   int32_t num_parts,
                   int64_t* offsets,
                   int64_t* order);

// The edges of one type, to become a CSC matrix.
struct CscInput {
  const int64_t* src;   // [num_edges], raw row of the source
  const int64_t* dst;   // [num_edges], raw row of the destination
  const int64_t* time;  // [num_edges], or null
  int64_t num_edges;
  int64_t num_src;
  const int64_t* dst_id;  // [num_rows], a permutation: the row of the matrix of each destination
  int64_t num_rows;
};

struct InEdge {
  int64_t src;  // raw row of the source
  int64_t eid;  // position in src, dst and time
};

// Sorts edges into the rows of a CSC matrix: fills indptr [num_rows + 1] and returns the edges
// [num_edges], within a row sorted by (src, eid), or by (time, src, eid). The result does not
// depend on num_threads. Throws std::invalid_argument if an end or an id is out of range.
Buffer<InEdge> build_csc(const CscInput& input, int num_threads, int64_t* indptr);

// Counts the edges whose ends lie in different parts. The ends must be in range.
int64_t count_cut(const int64_t* src,
                  const int64_t* dst,
                  int64_t num_edges,
                  const int32_t* part_of_src,
                  const int32_t* part_of_dst);

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_CSC_H_
