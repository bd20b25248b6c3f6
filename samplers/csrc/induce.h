// Induced subgraphs: all edges between the nodes of a set.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "graph.h"
#include "pool.h"
#include "relabel.h"

namespace distgnn {

struct IdSpan {
  const int64_t* ids = nullptr;
  int64_t size = 0;
};

// CSC: a row for each node of the destination type, in the order of the set; the edges of a row in
// the order of the shard.
struct InducedEdges {
  PooledArray<int64_t> indptr;    // [rows + 1]
  PooledArray<int64_t> indices;   // local ids of sources
  PooledArray<int64_t> position;  // place of the edge among all edges of its type, part by part
};

// The in-edges of one node.
struct InEdges {
  const void* src;  // uint32_t or int64_t, as EdgeSet::is_copied says
  int64_t degree;
  int64_t position;  // of the first among all edges of the type
};

InEdges in_edges(const EdgeSet& edges, const NodeSet& destinations, int64_t id);

// Thread-safe: every call borrows its tables.
class Inducer {
 public:
  Inducer(std::shared_ptr<const Graph> graph, int64_t max_table_bytes);

  // The edges of every type between `nodes` (by type; ids checked to be in range). Throws
  // ArgumentError if a node occurs twice, ShardCorruptError if the arrays point outside the graph.
  std::vector<InducedEdges> induce(const std::vector<IdSpan>& nodes, int num_threads);

  const Graph& graph() const { return *graph_; }

 private:
  using Tables = std::vector<std::variant<DirectTable, HashTable>>;

  std::unique_ptr<Tables> borrow_tables();
  void label(const std::vector<IdSpan>& nodes, Tables& tables) const;
  InducedEdges edges_between(const EdgeSet& edges, IdSpan destinations, const Tables& tables,
                             int num_threads) const;

  std::shared_ptr<const Graph> graph_;
  int64_t max_table_bytes_;
  std::shared_ptr<BufferPool> pool_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Tables>> tables_;
};

}  // namespace distgnn
