#ifndef DISTGNN_PARTITION_CLUSTERS_H_
#define DISTGNN_PARTITION_CLUSTERS_H_

#include <cstdint>
#include <vector>

#include "loads.h"
#include "streaming.h"

namespace distgnn {

// Label propagation with a bound on the size of a cluster: Meyerhenke, Sanders and Schulz,
// "Partitioning complex networks via size-constrained clustering", SEA 2014. Every node joins the
// cluster of most of its neighbours that has room; its own wins a tie, then the one with the
// smallest hash, so that the result does not depend on the order of neighbours.
class Clusterer {
 public:
  // capacity [num_constraints]: what a cluster may weigh; a node may weigh more, alone.
  Clusterer(const Weights& weights, std::vector<int64_t> capacity);

  // Visits the nodes of the block, in its order; returns how many changed their cluster.
  int64_t visit(const RowBlock& block);

  const std::vector<int32_t>& labels() const { return labels_; }

 private:
  bool has_room(int32_t cluster, const int64_t* weight) const;
  void change(int32_t cluster, const int64_t* weight, int64_t sign);
  int32_t best_cluster(const RowBlock& block, int64_t row, int64_t node);

  Weights weights_;
  std::vector<int64_t> capacity_;
  std::vector<int32_t> labels_;
  std::vector<int64_t> sizes_;    // [num_nodes, num_constraints]
  std::vector<int32_t> counts_;   // [num_nodes], 0 between nodes
  std::vector<int32_t> touched_;  // clusters with a count
};

// Adds to matrix [size, size] the edges of the block between different clusters, both directions as
// they are met. labels [nodes of the graph]; -1: in none.
void add_cluster_edges(const RowBlock& block, const int32_t* labels, int64_t size, int32_t* matrix);

// Moves every node to the part with the most of its neighbours that has room, if that is more than
// in its own; a node of an overfull part moves in any case if another has room.
class Refiner {
 public:
  Refiner(const Weights& weights, const int32_t* assignment);

  // Visits the nodes of the block, in its order; returns how many moved.
  int64_t visit(const RowBlock& block, int32_t* assignment);

 private:
  Weights weights_;
  Loads loads_;
  std::vector<int32_t> neighbours_in_;
};

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_CLUSTERS_H_
