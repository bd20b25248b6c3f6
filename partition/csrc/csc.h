#ifndef DISTGNN_PARTITION_CSC_H_
#define DISTGNN_PARTITION_CSC_H_

#include <cstdint>

#include "buffer.h"

namespace distgnn {

// Sorts rows (nodes or edges) by their part, stably. offsets [num_parts + 1] and order [num_rows]:
// the rows of part p are order[offsets[p] .. offsets[p + 1]), ascending. The part of row r is
// part_of[key[r]], or part_of[r] where key is null.
// Throws std::invalid_argument if a key or a part is out of range.
struct Grouping {
  const int32_t* part_of;
  int64_t num_keys;
  const int64_t* key;
  int64_t num_rows;
  int32_t num_parts;
};
void group_by_part(const Grouping& grouping, int64_t* offsets, int64_t* order);

// The edges of one part, to become its CSC matrix.
struct PartEdges {
  const int64_t* eids;  // [num_edges], rows of src, dst and time
  int64_t num_edges;
  const int64_t* src;   // [num_graph_edges], raw row of the source of every edge of the graph
  const int64_t* dst;   // [num_graph_edges], raw row of the destination
  const int64_t* time;  // [num_graph_edges], or null
  int64_t num_graph_edges;
  const int64_t* src_id;  // [num_src], global id of a raw source row
  int64_t num_src;
  const int64_t* dst_id;  // [num_dst], global id of a raw destination row
  int64_t num_dst;
  int64_t first_id;  // global id of the first destination that the part owns
  int64_t num_rows;  // number of destinations that the part owns
};

// Fills the CSC matrix of a part: indptr [num_rows + 1]; src (global ids) and eid [num_edges].
// In-neighbours of a row are sorted by (raw row of the source, eid), or by (time, raw row, eid).
// Throws std::invalid_argument if an edge, a source or a destination is out of range, or a
// destination is not one of the part's.
void build_csc(const PartEdges& edges, int64_t* indptr, int64_t* src, int64_t* eid);

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_CSC_H_
