// Personalised PageRank by forward push.
#pragma once

#include <cstdint>
#include <vector>

#include "adjacency.h"

namespace distgnn {

struct PprOptions {
  double alpha;    // probability with which the walk goes back to its seed
  double epsilon;  // residual a neighbour below which nothing is pushed on
  int64_t top_k;   // nodes kept for a seed
  int num_threads;
};

struct PprScores {
  std::vector<int64_t> nodes;  // highest score first, ties in the order of the index
  std::vector<double> scores;
};

// Scores of the nodes near each seed (Andersen, Chung and Lang, "Local graph partitioning using
// PageRank vectors", FOCS 2006; the walk is not lazy). At the end the residual of every node is
// below epsilon times its number of neighbours (at least 1). What a node without neighbours would
// pass on goes back to the seed.
std::vector<PprScores> forward_push(const Adjacency& adjacency, const int64_t* seeds,
                                    int64_t num_seeds, const PprOptions& options);

}  // namespace distgnn
