// Multi-hop neighbour sampling over the in-edges of locally open parts.
//
// Which edges are drawn for a node is a function of (seed, epoch, batch, key of the edge type, the
// node's index in the raw table) and of its in-neighbours' order: not of parts, threads or the hop.
// A node is expanded once, at the hop after its first visit, or once in each tree where trees are
// disjoint.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "draw_hop.h"
#include "graph.h"
#include "pool.h"
#include "relabel.h"

namespace distgnn {

// Where trees are disjoint, a node is numbered by its tree and its id in one word.
constexpr int kIdBits = 40;
constexpr int64_t kIdMask = (int64_t{1} << kIdBits) - 1;
constexpr int64_t kMaxTrees = int64_t{1} << (62 - kIdBits);

struct SamplerOptions {
  // Per edge type a fanout for each hop, or none: the edge type is not sampled.
  std::vector<std::vector<int64_t>> fanouts;
  DrawRule rule;
  // Whether each seed gets a tree of its own, which shares no node with another's.
  bool is_disjoint = false;
  // Node types with a larger direct table (8 bytes a node) than this get a hash table.
  int64_t max_table_bytes = 0;
};

struct Seeds {
  const int64_t* ids = nullptr;
  int64_t size = 0;
};

struct Request {
  std::vector<Seeds> seeds;  // per node type; checked to be in range
  // Of each seed, types one after the other; null unless the rule has times.
  const int64_t* times = nullptr;
  uint64_t seed = 0;
  uint64_t epoch = 0;
  uint64_t batch = 0;
  int num_threads = 1;
};

struct SampledNodes {
  PooledArray<int64_t> ids;          // global, in order of first visit; seeds come first
  PooledArray<int64_t> trees;        // number of each node's seed; empty unless trees are disjoint
  std::vector<int64_t> num_per_hop;  // [hops + 1]; the first is the number of seeds
};

// CSC: a row for each expanded node of the destination type, in local order.
struct SampledEdges {
  PooledArray<int64_t> indptr;       // [rows + 1]
  PooledArray<int64_t> indices;      // local ids of sources
  PooledArray<int64_t> position;     // place of the edge among all edges of its type, part by part
  PooledArray<float> weight;         // importance; empty if the rule gives none
  std::vector<int64_t> num_per_hop;  // [hops]
};

struct Sample {
  std::vector<SampledNodes> nodes;
  std::vector<SampledEdges> edges;
};

// What a thread needs to draw a batch; kept from batch to batch.
struct Workspace {
  std::vector<std::variant<DirectTable, HashTable>> tables;  // per node type
  std::vector<Row> rows;
  // Sizes of the last batch: the next one's arrays begin with that much room and seldom grow.
  std::vector<int64_t> num_nodes;
  std::vector<int64_t> num_edges;
};

// Thread-safe: every call to `sample` borrows a workspace.
class NeighborSampler {
 public:
  NeighborSampler(std::shared_ptr<const Graph> graph, SamplerOptions options);

  // Throws ArgumentError if a seed occurs twice, ShardCorruptError if the graph's arrays point
  // outside themselves.
  Sample sample(const Request& request);

  const std::shared_ptr<BufferPool>& pool() const { return pool_; }

 private:
  struct Frontier {
    int64_t begin;
    int64_t end;
  };

  std::unique_ptr<Workspace> borrow_workspace();
  void give_back(std::unique_ptr<Workspace> workspace, const Sample& sample);
  Sample empty_sample(const Workspace& workspace) const;
  void add_seeds(const Request& request, Workspace& workspace, Sample& sample) const;
  void expand(size_t edge_type, size_t hop, Frontier frontier, const Request& request,
              Workspace& workspace, Sample& sample) const;
  void find_rows(const HopDraw& draw, const int64_t* nodes, int64_t count, int64_t num_known,
                 const Request& request, Row* rows) const;
  void separate_trees(Sample& sample) const;

  std::shared_ptr<const Graph> graph_;
  SamplerOptions options_;
  size_t num_hops_ = 0;
  std::shared_ptr<BufferPool> pool_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> workspaces_;
};

}  // namespace distgnn
