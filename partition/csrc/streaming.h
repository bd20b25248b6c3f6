#ifndef DISTGNN_PARTITION_STREAMING_H_
#define DISTGNN_PARTITION_STREAMING_H_

#include <cstdint>
#include <vector>

#include "loads.h"

namespace distgnn {

// Some nodes of a graph and their neighbours: nodes[i] has the neighbours
// indices[indptr[r]] .. indices[indptr[r + 1] - 1], r being rows[i], or i where rows is null.
struct RowBlock {
  const int64_t* indptr;
  const int32_t* indices;
  const int32_t* nodes;  // [num_nodes]
  const int32_t* rows;   // [num_nodes], or null
  int64_t num_nodes;

  int64_t row(int64_t i) const { return rows == nullptr ? i : rows[i]; }
};

// How a streaming partitioner weighs neighbours against load.
enum class Rule {
  // Linear deterministic greedy: Stanton and Kliot, "Streaming graph partitioning for large
  // distributed graphs", KDD 2012. Node v goes to the part p with the largest
  // |N(v) in p| x (1 - load(p) / capacity); ties to the least loaded part, then to the first.
  kLdg,
  // Fennel: Tsourakakis, Gkantsidis, Radunovic and Vojnovic, "FENNEL: streaming graph partitioning
  // for massive scale graphs", WSDM 2014. Node v goes to the part p with the largest
  // |N(v) in p| - alpha x gamma x load(p)^(gamma - 1), gamma = 1.5, alpha = m x sqrt(k) / n^1.5.
  kFennel,
};

// Places nodes one after another; the state is the part of every node and the loads of the parts.
// A node that fits nowhere goes where it overflows least, so that a capacity is exceeded by less
// than the heaviest node.
class Streamer {
 public:
  // edges_per_node: undirected edges by nodes, m / n.
  Streamer(const Weights& weights, Rule rule, double edges_per_node);

  // Places the nodes of the block, in its order. assignment [num_nodes of the graph] holds -1 for
  // nodes that have no part yet.
  void place(const RowBlock& block, int32_t* assignment);

  // Begins another pass (Nishimura and Ugander, "Restreaming graph partitioning", KDD 2013): loads
  // count the nodes of the new pass alone, neighbours are where they were placed last.
  void restart() { loads_ = Loads(weights_); }

  // Counts nodes that have a part already.
  void add(int64_t node, int32_t part) { loads_.add(part, weights_.of(node)); }

 private:
  template <typename Score>
  void place_by(const RowBlock& block, const Score& score, int32_t* assignment);

  Weights weights_;
  Rule rule_;
  double edges_per_node_;
  Loads loads_;
  std::vector<int32_t> neighbours_in_;
};

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_STREAMING_H_
