// The neighbours of nodes along the edges of one type, in either direction.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "graph.h"
#include "prefetch.h"

namespace distgnn {

// The neighbours of one node, in the order of the shards: short_ids where they were copied.
struct NeighborList {
  const uint32_t* short_ids;
  const int64_t* ids;
  uint32_t degree;

  void prefetch(uint32_t place) const {
    if (short_ids != nullptr) {
      prefetch_for_read(short_ids + place);
    } else {
      prefetch_for_read(ids + place);
    }
  }
  int64_t operator[](uint32_t place) const {
    return short_ids != nullptr ? short_ids[place] : ids[place];
  }
};

// Lists of neighbours. Those of a node lie in the order of the neighbours' `index` (or of their
// time), so that a place in a list means the same in every partitioning.
class Adjacency {
 public:
  // In-neighbours as `graph` has them. `is_timed`: lists are sorted by (time, index).
  static Adjacency incoming(std::shared_ptr<const Graph> graph, size_t edge_type, bool is_timed);
  // Out-neighbours: a copy of 4 bytes an edge and 16 a node. Throws ArgumentError for 2^32 or more
  // destinations, ShardCorruptError if an edge points outside the graph.
  static Adjacency outgoing(std::shared_ptr<const Graph> graph, size_t edge_type);

  // Nodes that have lists, and nodes that are in them.
  const NodeSet& owners() const { return graph_->nodes[edges().dst_type]; }
  const NodeSet& neighbors() const { return graph_->nodes[edges().src_type]; }
  int owner_type() const { return edges().dst_type; }
  int neighbor_type() const { return edges().src_type; }
  uint64_t key() const { return edges().key; }

  void prefetch(int64_t node) const;
  int64_t index_of(int64_t node) const { return index_in(owners(), node); }
  NeighborList list(int64_t node) const;
  // Place among all edges of its part at which the list of `node` begins.
  int64_t first_edge_in_part(int64_t node) const;
  // Neighbour number `place`. Throws ShardCorruptError if a mapped one is outside the graph.
  int64_t at(const NeighborList& list, uint32_t place) const {
    const int64_t id = list[place];
    if (list.short_ids == nullptr && static_cast<uint64_t>(id) >= num_neighbors_) {
      throw_bad_source(&id, 1, static_cast<int64_t>(num_neighbors_));
    }
    return id;
  }
  // Whether `id` is among the first `limit` neighbours of a list.
  bool contains(const NeighborList& list, uint32_t limit, int64_t id) const;
  bool contains(const NeighborList& list, int64_t id) const {
    return contains(list, list.degree, id);
  }

 private:
  Adjacency(std::shared_ptr<const Graph> graph, size_t edge_type, bool is_sorted);

  static int64_t index_in(const NodeSet& nodes, int64_t id) {
    const int64_t part = nodes.owned.part_of(id);
    return nodes.index[part][id - nodes.owned.begin(part)];
  }
  const EdgeSet& edges() const { return reversed_ ? *reversed_ : graph_->edges[edge_type_]; }

  std::shared_ptr<const Graph> graph_;
  size_t edge_type_;
  bool is_sorted_;  // by index
  uint64_t num_neighbors_;
  std::shared_ptr<const EdgeSet> reversed_;
  std::shared_ptr<const std::vector<Pages>> pages_;  // of the reversed copy
};

inline void Adjacency::prefetch(int64_t node) const {
  const EdgeSet& all = edges();
  const Ranges& owned = owners().owned;
  const int64_t part = owned.part_of(node);
  const int64_t local = node - owned.begin(part);
  if (all.is_copied) {
    prefetch_for_read(all.parts[part].starts + local);
  } else {
    prefetch_for_read(all.parts[part].indptr + local);
  }
}

inline NeighborList Adjacency::list(int64_t node) const {
  const EdgeSet& all = edges();
  const Ranges& owned = owners().owned;
  const int64_t number = owned.part_of(node);
  const int64_t local = node - owned.begin(number);
  const EdgePart& part = all.parts[number];
  if (all.is_copied) {
    const int64_t begin = part.starts[local].begin;
    const int64_t degree = part.starts[local + 1].begin - begin;
    return {part.short_src + begin, nullptr, static_cast<uint32_t>(degree)};
  }
  check_row(part, local);
  const int64_t degree = part.indptr[local + 1] - part.indptr[local];
  return {nullptr, part.src + part.indptr[local], static_cast<uint32_t>(degree)};
}

}  // namespace distgnn
