#include "draw_hop.h"

#include <string>

#include "draw.h"
#include "errors.h"
#include "parallel.h"
#include "prefetch.h"

namespace distgnn {
namespace {

// Writes the position of each pick to `positions` and the address of its source to `sources`.
template <class Id>
void draw_row(const Row& row, uint64_t key, const HopRule& rule, SwapMap& swaps, int64_t* positions,
              const Id** sources) {
  const Id* const src = static_cast<const Id*>(row.src);
  auto emit = [&](int64_t pick) {
    prefetch_for_read(src + pick);
    *positions++ = row.position + pick;
    *sources++ = src + pick;
  };
  if (rule.fanout == kAllNeighbors || (!rule.replace && row.num_picks == row.degree)) {
    for (int64_t pick = 0; pick < row.degree; ++pick) emit(pick);
    return;
  }
  if (row.degree == 0) return;
  Stream stream(derive_key(key, static_cast<uint64_t>(row.index)));
  const uint32_t degree = static_cast<uint32_t>(row.degree);
  if (rule.replace) {
    draw_with_replacement(stream, degree, row.num_picks, emit);
  } else {
    draw_without_replacement(stream, degree, row.num_picks, swaps, emit);
  }
}

// Reads the sources that `addresses` point to. Mapped ids are checked once here, so that a damaged
// shard cannot make a table be written outside its bounds; copied ones were checked before.
template <class Id>
void read_sources(const Id* const* addresses, int64_t count, int64_t num_nodes, int64_t* ids) {
  bool in_range = true;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t id = *addresses[i];
    in_range &= static_cast<uint64_t>(id) < static_cast<uint64_t>(num_nodes);
    ids[i] = id;
  }
  if (!in_range) throw_bad_source(ids, count, num_nodes);
}

}  // namespace

void throw_not_open(int64_t id, int64_t part) {
  throw ArgumentError("node " + std::to_string(id) + " belongs to part " + std::to_string(part) +
                      ", which is not open here: ask its owner");
}

uint64_t draw_key(uint64_t seed, uint64_t epoch, uint64_t batch, uint64_t edge_type_key) {
  uint64_t key = derive_key(0, seed);
  key = derive_key(key, epoch);
  key = derive_key(key, batch);
  return derive_key(key, edge_type_key);
}

HopDraw::HopDraw(const Graph& graph, size_t edge_type, HopRule rule, uint64_t key)
    : edges_(graph.edges[edge_type]),
      destinations_(graph.nodes[edges_.dst_type]),
      num_src_nodes_(graph.nodes[edges_.src_type].owned.size()),
      rule_(rule),
      key_(key) {}

template <class Id>
void HopDraw::draw_as(const Row* rows, int64_t count, int64_t* positions, int64_t* sources) const {
  thread_local SwapMap swaps;
  thread_local std::vector<const Id*> addresses;
  for (int64_t begin = 0; begin < count;) {
    int64_t end = begin + 1;
    int64_t num_picks = rows[begin].num_picks;
    while (end < count && num_picks + rows[end].num_picks <= kEdgesPerBlock) {
      num_picks += rows[end++].num_picks;
    }
    if (static_cast<int64_t>(addresses.size()) < num_picks) addresses.resize(num_picks);
    const int64_t first = rows[begin].first_pick;
    for (int64_t i = begin; i < end; ++i) {
      draw_row(rows[i], key_, rule_, swaps, positions + rows[i].first_pick,
               addresses.data() + (rows[i].first_pick - first));
    }
    read_sources(addresses.data(), num_picks, num_src_nodes_, sources + first);
    begin = end;
  }
}

void HopDraw::draw(const Row* rows, int64_t count, int64_t* positions, int64_t* sources) const {
  if (edges_.is_copied) {
    draw_as<uint32_t>(rows, count, positions, sources);
  } else {
    draw_as<int64_t>(rows, count, positions, sources);
  }
}

DrawnEdges draw_hop(const HopDraw& hop, const int64_t* ids, int64_t count, int num_threads) {
  std::vector<Row> rows(static_cast<size_t>(count));
  parallel_chunks(num_threads, count, kNodesPerChunk, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      if (i + kLookahead < to) hop.prefetch(ids[i + kLookahead]);
      rows[i] = hop.find(ids[i]);
    }
  });
  DrawnEdges drawn;
  drawn.num_picks.resize(rows.size());
  int64_t num_edges = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].first_pick = num_edges;
    drawn.num_picks[i] = rows[i].num_picks;
    num_edges += rows[i].num_picks;
  }
  drawn.sources.resize(static_cast<size_t>(num_edges));
  drawn.positions.resize(static_cast<size_t>(num_edges));
  parallel_chunks(num_threads, count, kNodesPerChunk, [&](int64_t from, int64_t to) {
    hop.draw(rows.data() + from, to - from, drawn.positions.data(), drawn.sources.data());
  });
  return drawn;
}

}  // namespace distgnn
