// The in-edges of some nodes at one hop: the one place where edges are drawn. The sampler of locally
// open parts (neighbor.h) calls it for each hop, and the owner of a part for the nodes it is asked
// for, so that both draw the same edges.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "columns.h"
#include "draw.h"
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

enum class Pick {
  kUniform,   // each edge as likely
  kWeighted,  // in proportion to the edges' weights, where the type has some
  kLatest,    // those with the latest times
  kLabor      // by a random number of the source, the same for all nodes of the batch
};

struct DrawRule {
  Pick pick = Pick::kUniform;
  bool replace = false;
  bool up_to = false;  // whether edges of the very time of the seed may be drawn
  const Weights* weights = nullptr;
  const Times* times = nullptr;  // null: at any time
};

// A node whose in-edges are drawn.
struct Row {
  const void* src;   // its in-neighbours, uint32_t or int64_t
  int64_t degree;    // of those edges that the time allows, as far as edges say
  int64_t position;  // of its first in-edge among all edges of the type
  int64_t part;
  int64_t index;
  int64_t time;
  int64_t num_picks;   // at most, until it is drawn
  bool takes_all;      // every edge that may be drawn is, in the order of the shard
  int64_t first_pick;  // where its picks go in the output
};

[[noreturn]] void throw_not_open(int64_t id, int64_t part);

// The key of all draws in one batch.
uint64_t batch_key(uint64_t seed, uint64_t epoch, uint64_t batch);

// Draws in-edges of one type by one rule. Nothing in it changes, so threads may share it.
class HopDraw {
 public:
  HopDraw(const Graph& graph, size_t edge_type, int64_t fanout, const DrawRule& rule,
          uint64_t batch_key);

  // Whether fewer edges may be drawn than `find` says.
  bool may_come_short() const { return may_come_short_; }
  bool gives_weights() const { return rule_.pick == Pick::kLabor; }

  // Fetches what `find` reads of a node.
  void prefetch(int64_t id) const;

  // Where the in-edges of a node are, and how many are drawn at most. Throws ArgumentError if its
  // part is not open, ShardCorruptError if the part's arrays point outside themselves.
  Row find(int64_t id, int64_t time) const;

  // Whether rows that were found must be cut to the past before they are drawn.
  bool has_edge_times() const { return edge_times_ != nullptr; }

  // Leaves of each row the edges that its time allows: a prefix, since they are sorted by time.
  void cut_to_past(Row* rows, int64_t count) const;

  // Draws rows[0 ... count), whose picks follow one another from rows[0].first_pick on: writes the
  // global ids of sources and the places of the edges among all edges of the type. Sets num_picks.
  void draw(Row* rows, int64_t count, int64_t* positions, int64_t* sources) const;

  // The importance weight of the picks of a row: one over the probability with which each is drawn.
  float weight(const Row& row) const {
    const bool is_all = fanout_ == kAllNeighbors || row.degree <= fanout_;
    return is_all ? 1.0f : static_cast<float>(row.degree) / static_cast<float>(fanout_);
  }

 private:
  template <class Id>
  struct Picks;  // where the picks of a row go
  template <class Id>
  void draw_as(Row* rows, int64_t count, int64_t* positions, int64_t* sources) const;
  template <class Id>
  int64_t draw_row(const Row& row, SwapMap& swaps, Picks<Id> picks) const;
  template <class Id>
  void draw_labor(const Row& row, Picks<Id>& picks) const;
  template <class Id>
  void draw_of_past_sources(const Row& row, SwapMap& swaps, Picks<Id>& picks) const;
  void set_num_picks(Row& row, int64_t available) const {
    row.takes_all =
        fanout_ == kAllNeighbors || available == 0 || (!rule_.replace && available <= fanout_);
    row.num_picks = row.takes_all || rule_.pick == Pick::kLabor ? available : fanout_;
  }
  bool is_weighted() const { return weights_ != nullptr; }
  const AliasSlot* slots(const Row& row) const {
    return (*weights_)[row.part].slots + (row.position - edges_.first_edge[row.part]);
  }
  const float* edge_weights(const Row& row) const {
    return (*weights_)[row.part].weight + (row.position - edges_.first_edge[row.part]);
  }

  const EdgeSet& edges_;
  const NodeSet& destinations_;
  const NodeSet& sources_;
  DrawRule rule_;
  int64_t fanout_;
  uint64_t key_;
  uint64_t labor_key_;
  const std::vector<WeightPart>* weights_ = nullptr;
  const std::vector<const int64_t*>* edge_times_ = nullptr;
  const std::vector<const int64_t*>* source_times_ = nullptr;
  bool may_come_short_;
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

inline Row HopDraw::find(int64_t id, int64_t time) const {
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
  row.part = part_number;
  row.time = time;
  int64_t available = row.degree;
  if (is_weighted() && !(*weights_)[part_number].num_positive.empty()) {
    available = (*weights_)[part_number].num_positive[local];
  }
  set_num_picks(row, available);
  row.first_pick = 0;
  return row;
}

// Closes the gaps that rows leave which came short: their picks follow one another from
// rows[0].first_pick on. Returns the end of the last one's.
int64_t close_gaps(Row* rows, int64_t count, int64_t* positions, int64_t* sources);

struct DrawnEdges {
  std::vector<int64_t> num_picks;  // per node
  std::vector<int64_t> sources;    // global ids
  std::vector<int64_t> positions;  // places among all edges of the type
  std::vector<float> weights;      // importance, if the rule gives some
};

// The draws for ids[0 ... count), all in range, in their order; times[i] bounds those of node i if
// the rule has times.
DrawnEdges draw_hop(const HopDraw& hop, const int64_t* ids, const int64_t* times, int64_t count,
                    int num_threads);

}  // namespace distgnn
