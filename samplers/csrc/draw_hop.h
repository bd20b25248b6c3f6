// The in-edges of some nodes at one hop: the one place where edges are drawn. The sampler of locally
// open parts (neighbor.h) calls it for each hop, and the owner of a part for the nodes it is asked
// for, so that both draw the same edges.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "graph.h"
#include "prefetch.h"

namespace distgnn {

constexpr int64_t kAllNeighbors = -1;
// How many nodes ahead their entries are fetched.
constexpr int64_t kLookahead = 96;
// How many edges of a block are in flight at once: enough to keep every miss buffer of a core busy,
// few enough to stay in its first cache.
constexpr int64_t kEdgesPerBlock = 512;
// Nodes that a thread takes at a time within a batch.
constexpr int64_t kNodesPerChunk = 1024;

struct HopRule {
  int64_t fanout = 1;  // at least 1, or kAllNeighbors
  bool replace = false;
};

// A node whose in-edges are drawn.
struct Row {
  const void* src;  // its in-neighbours, uint32_t or int64_t
  int64_t degree;
  int64_t position;  // of its first in-edge among all edges of the type
  int64_t index;
  int64_t num_picks;
  int64_t first_pick;  // where its picks go in the output
};

[[noreturn]] void throw_not_open(int64_t id, int64_t part);

// The key of all draws at one edge type in one batch.
uint64_t draw_key(uint64_t seed, uint64_t epoch, uint64_t batch, uint64_t edge_type_key);

// Draws in-edges of one type by one rule. Nothing in it changes, so threads may share it.
class HopDraw {
 public:
  HopDraw(const Graph& graph, size_t edge_type, HopRule rule, uint64_t key);

  int64_t fanout() const { return rule_.fanout; }

  // Fetches what `find` reads of a node.
  void prefetch(int64_t id) const;

  // Where the in-edges of a node are, and how many are drawn. Throws ArgumentError if its part is
  // not open, ShardCorruptError if the part's arrays point outside themselves.
  Row find(int64_t id) const;

  // Draws rows[0 ... count), whose picks follow one another from rows[0].first_pick on: writes the
  // global ids of sources and the places of the edges among all edges of the type.
  void draw(const Row* rows, int64_t count, int64_t* positions, int64_t* sources) const;

 private:
  template <class Id>
  void draw_as(const Row* rows, int64_t count, int64_t* positions, int64_t* sources) const;

  const EdgeSet& edges_;
  const NodeSet& destinations_;
  int64_t num_src_nodes_;
  HopRule rule_;
  uint64_t key_;
};

inline void HopDraw::prefetch(int64_t id) const {
  const int64_t part = destinations_.owned.part_of(id);
  const int64_t local = id - destinations_.owned.begin(part);
  if (edges_.is_copied) {
    prefetch_for_read(edges_.parts[part].starts + local);
  } else {
    prefetch_for_read(edges_.parts[part].indptr + local);
    prefetch_for_read(destinations_.index[part] + local);
  }
}

inline Row HopDraw::find(int64_t id) const {
  const int64_t part_number = destinations_.owned.part_of(id);
  const int64_t local = id - destinations_.owned.begin(part_number);
  const EdgePart& part = edges_.parts[part_number];
  if (!part.is_open()) throw_not_open(id, part_number);
  Row row;
  int64_t begin;
  if (edges_.is_copied) {
    begin = part.starts[local].begin;
    row.degree = part.starts[local + 1].begin - begin;
    row.index = part.starts[local].index;
    row.src = part.short_src + begin;
  } else {
    check_row(part, local);
    begin = part.indptr[local];
    row.degree = part.indptr[local + 1] - begin;
    row.index = destinations_.index[part_number][local];
    row.src = part.src + begin;
  }
  row.position = edges_.first_edge[part_number] + begin;
  row.num_picks = row.degree;
  if (rule_.fanout != kAllNeighbors && row.degree > 0) {
    row.num_picks = rule_.replace ? rule_.fanout : std::min(rule_.fanout, row.degree);
  }
  row.first_pick = 0;
  return row;
}

struct DrawnEdges {
  std::vector<int64_t> num_picks;  // per node
  std::vector<int64_t> sources;    // global ids
  std::vector<int64_t> positions;  // places among all edges of the type
};

// The draws for ids[0 ... count), all in range, in their order.
DrawnEdges draw_hop(const HopDraw& hop, const int64_t* ids, int64_t count, int num_threads);

}  // namespace distgnn
