// Random walks over shards. Where a walk goes depends on the key, the index of the node where it
// starts, and its number: not on parts, threads or other walks.
#pragma once

#include <cstdint>
#include <vector>

#include "adjacency.h"

namespace distgnn {

// Walk w of start i lies at out[(i * walks_per_start + w) * (num_steps + 1)].
struct WalkRequest {
  const int64_t* starts;  // global ids, in range
  int64_t num_starts;
  int64_t walks_per_start;
  int64_t num_steps;
  uint64_t key;
  int num_threads;
  int64_t* out;
};

// Walks as node2vec's, see walk_steps.h. Before each step a walk goes back to its start instead with
// probability `restart`. A walk at a node without neighbours stays there until then.
void random_walks(const Adjacency& adjacency, const WalkRequest& request, double p, double q,
                  double restart);

// What follows the last node of a walk that ended early.
constexpr int64_t kNoNode = -1;

// Step s goes to any neighbour in adjacencies[s % size], each with the same chance; a walk at a node
// without neighbours ends.
void metapath_walks(const std::vector<const Adjacency*>& adjacencies, const WalkRequest& request);

}  // namespace distgnn
