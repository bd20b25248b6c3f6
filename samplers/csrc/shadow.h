// A subgraph of its own for each seed: the nodes that neighbour sampling from the seed alone
// reaches, and all edges between them.
//
// Zeng et al., "Decoupling the depth and scope of graph neural networks", NeurIPS 2021, section 3.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "induce.h"
#include "neighbor.h"

namespace distgnn {

// Subgraphs side by side. Nodes of the seeds' type: all seeds, then the other nodes of the first
// subgraph, of the second, and so on; of another type: one subgraph after the other.
struct Shadows {
  std::vector<PooledArray<int64_t>> nodes;  // global ids, per node type
  std::vector<InducedEdges> edges;  // per edge type: a row for each node of the destination type
};

// Thread-safe.
class ShadowSampler {
 public:
  ShadowSampler(std::shared_ptr<const Graph> graph, SamplerOptions options);

  // `request` holds the seeds of one type, `seed_type`; threads share them.
  Shadows sample(const Request& request, size_t seed_type);

  const Graph& graph() const { return inducer_.graph(); }

 private:
  NeighborSampler sampler_;
  Inducer inducer_;
  std::shared_ptr<BufferPool> pool_;
};

}  // namespace distgnn
