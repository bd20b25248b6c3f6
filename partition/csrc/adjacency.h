#ifndef DISTGNN_PARTITION_ADJACENCY_H_
#define DISTGNN_PARTITION_ADJACENCY_H_

#include <cstdint>
#include <vector>

#include "buffer.h"

namespace distgnn {

// The edges of one edge type. `src` and `dst` are rows of the two node tables, whose nodes are
// numbered src_first.. and dst_first.. in the union graph.
struct EdgeBlock {
  const int64_t* src;
  const int64_t* dst;
  int64_t num_edges;
  int64_t src_first;
  int64_t num_src;
  int64_t dst_first;
  int64_t num_dst;
};

struct Adjacency {
  Buffer<int64_t> indptr;   // [num_nodes + 1]
  Buffer<int32_t> indices;  // [2 x undirected edges]
};

// Builds the graph below directed edges that are given twice, block by block in the same order:
// `count` all of them, then `start`, then `scatter` all of them, then `finish`.
class AdjacencyBuilder {
 public:
  // Throws std::invalid_argument if num_nodes is not between 0 and 2^31 - 1.
  explicit AdjacencyBuilder(int64_t num_nodes);
  // Throws std::invalid_argument if an edge names a row that does not exist.
  void count(const EdgeBlock& block);
  void start();
  // Throws std::invalid_argument if there are more edges than were counted.
  void scatter(const EdgeBlock& block);
  Adjacency finish();

 private:
  int64_t num_nodes_;
  Adjacency adjacency_;
  std::vector<int64_t> next_;
};

// Returns the undirected simple graph below the directed edges of all blocks: every edge in both
// directions, loops dropped, duplicates merged. Neighbours stand in the order in which their first
// edge was read. Throws std::invalid_argument if an edge names a row that does not exist.
Adjacency build_adjacency(const std::vector<EdgeBlock>& blocks, int64_t num_nodes);

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_ADJACENCY_H_
