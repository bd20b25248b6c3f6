// Columns of edges and nodes that draws depend on: weights and times.
#pragma once

#include <cstdint>
#include <vector>

#include "graph.h"
#include "memory.h"

namespace distgnn {

// A slot of an alias table (Walker, "An efficient method for generating discrete random variables
// with general distributions", ACM TOMS 1977): the slot itself is drawn if a 32-bit word is below
// `threshold`, otherwise `alias`. Both are places among the in-edges of one node.
struct AliasSlot {
  uint32_t threshold;
  uint32_t alias;
};

// Weights of the in-edges of one part's nodes. 8 bytes an edge, beside the mapped weights.
struct WeightPart {
  const float* weight = nullptr;  // null: the part is not open
  const AliasSlot* slots = nullptr;
  std::vector<uint32_t> num_positive;  // per owned node; empty if no edge weighs 0
};

struct Weights {
  std::vector<std::vector<WeightPart>> edges;  // per edge type and part; empty: no weights
  std::vector<Pages> pages;
};

struct Times {
  // Per edge type (node type) and part; empty: the type has no time. Null: the part is not open.
  std::vector<std::vector<const int64_t*>> edges;
  std::vector<std::vector<const int64_t*>> nodes;
};

// Makes the alias tables of all weights of one edge type. Throws ArgumentError for a weight that is
// negative or not finite.
std::vector<WeightPart> alias_tables(const Graph& graph, size_t edge_type,
                                     const std::vector<const float*>& weights, Weights& owner,
                                     int num_threads);

// Throws ShardCorruptError unless the times of every node's in-edges do not decrease.
void check_times(const Graph& graph, size_t edge_type, const std::vector<const int64_t*>& times,
                 int num_threads);

}  // namespace distgnn
