#include "draw_hop.h"

#include <string>
#include <utility>

#include "draw_weighted.h"
#include "errors.h"
#include "parallel.h"

namespace distgnn {
namespace {

// How many sources ahead their index or time is fetched.
constexpr int64_t kSourcesAhead = 24;
constexpr int64_t kSearchesInStep = 32;
// Apart from all keys of edge types, which are hashes.
constexpr uint64_t kLaborKey = 0x4c41424f52;

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

// Calls use(place, value) with the value in `columns` (per part) of each of `count` sources.
template <class Id, class Use>
void for_each_source(const Id* src, int64_t count, const NodeSet& nodes,
                     const std::vector<const int64_t*>& columns, const Use& use) {
  const int64_t num_nodes = nodes.owned.size();
  const auto address = [&](int64_t i) -> const int64_t* {
    const int64_t id = src[i];
    if (static_cast<uint64_t>(id) >= static_cast<uint64_t>(num_nodes)) return nullptr;
    const int64_t part = nodes.owned.part_of(id);
    return columns[part] == nullptr ? nullptr : columns[part] + (id - nodes.owned.begin(part));
  };
  for (int64_t i = 0; i < std::min(kSourcesAhead, count); ++i) prefetch_for_read(address(i));
  for (int64_t i = 0; i < count; ++i) {
    if (i + kSourcesAhead < count) prefetch_for_read(address(i + kSourcesAhead));
    const int64_t* const value = address(i);
    if (value == nullptr) {
      const int64_t id = src[i];
      if (id < 0 || id >= num_nodes) throw_bad_source(&id, 1, num_nodes);
      throw_not_open(id, nodes.owned.part_of(id));
    }
    use(i, *value);
  }
}

}  // namespace

void throw_not_open(int64_t id, int64_t part) {
  throw ArgumentError("node " + std::to_string(id) + " belongs to part " + std::to_string(part) +
                      ", which is not open here: ask its owner");
}

uint64_t batch_key(uint64_t seed, uint64_t epoch, uint64_t batch) {
  return derive_key(derive_key(derive_key(0, seed), epoch), batch);
}

HopDraw::HopDraw(const Graph& graph, size_t edge_type, int64_t fanout, const DrawRule& rule,
                 uint64_t batch_key)
    : edges_(graph.edges[edge_type]),
      destinations_(graph.nodes[edges_.dst_type]),
      sources_(graph.nodes[edges_.src_type]),
      rule_(rule),
      fanout_(fanout),
      key_(derive_key(batch_key, edges_.key)),
      labor_key_(derive_key(derive_key(batch_key, kLaborKey), edges_.src_type)) {
  if (rule.weights != nullptr && !rule.weights->edges[edge_type].empty()) {
    weights_ = &rule.weights->edges[edge_type];
  }
  if (rule.times != nullptr) {
    if (!rule.times->edges[edge_type].empty()) edge_times_ = &rule.times->edges[edge_type];
    const auto& source_times = rule.times->nodes[edges_.src_type];
    if (!source_times.empty()) source_times_ = &source_times;
  }
  may_come_short_ = rule.pick == Pick::kLabor || source_times_ != nullptr;
}

void HopDraw::cut_to_past(Row* rows, int64_t count) const {
  struct Search {
    const int64_t* begin;
    int64_t left;
  };
  // A few binary searches in step: the memory that each waits for is fetched while others move on.
  Search searches[kSearchesInStep];
  for (int64_t first = 0; first < count; first += kSearchesInStep) {
    const int64_t num = std::min(kSearchesInStep, count - first);
    int64_t longest = 0;
    for (int64_t i = 0; i < num; ++i) {
      const Row& row = rows[first + i];
      const int64_t at = row.position - edges_.first_edge[row.part];
      searches[i] = {(*edge_times_)[row.part] + at, row.degree};
      prefetch_for_read(searches[i].begin + row.degree / 2);
      longest = std::max(longest, row.degree);
    }
    for (; longest > 0; longest /= 2) {
      for (int64_t i = 0; i < num; ++i) {
        Search& search = searches[i];
        if (search.left == 0) continue;
        const int64_t half = search.left / 2;
        const int64_t time = search.begin[half];
        const bool is_past = rule_.up_to ? time <= rows[first + i].time : time < rows[first + i].time;
        search.begin += is_past ? half + 1 : 0;
        search.left = is_past ? search.left - half - 1 : half;
        prefetch_for_read(search.begin + search.left / 2);
      }
    }
    for (int64_t i = 0; i < num; ++i) {
      Row& row = rows[first + i];
      const int64_t at = row.position - edges_.first_edge[row.part];
      row.degree = searches[i].begin - ((*edge_times_)[row.part] + at);
      set_num_picks(row, row.degree);
    }
  }
}

// Addresses rather than sources: picks do not wait for the memory that holds them.
template <class Id>
struct HopDraw::Picks {
  const Id* src;
  int64_t first_position;
  int64_t* positions;
  const Id** addresses;
  int64_t count = 0;

  void add(int64_t pick) {
    prefetch_for_read(src + pick);
    positions[count] = first_position + pick;
    addresses[count++] = src + pick;
  }
};

template <class Id>
void HopDraw::draw_labor(const Row& row, Picks<Id>& picks) const {
  // Balin and Catalyurek, "Layer-neighbor sampling", NeurIPS 2023, LABOR-0: an edge is drawn if the
  // number of its source is below fanout / degree.
  const double probability = static_cast<double>(fanout_) / static_cast<double>(row.degree);
  for_each_source(picks.src, row.degree, sources_, sources_.index, [&](int64_t i, int64_t index) {
    const uint64_t word = derive_key(labor_key_, static_cast<uint64_t>(index));
    if (static_cast<double>(word >> 11) * 0x1p-53 < probability) picks.add(i);
  });
}

template <class Id>
void HopDraw::draw_of_past_sources(const Row& row, SwapMap& swaps, Picks<Id>& picks) const {
  thread_local std::vector<std::pair<int64_t, int64_t>> past;  // time and place
  past.clear();
  for_each_source(picks.src, row.degree, sources_, *source_times_, [&](int64_t i, int64_t time) {
    if (rule_.up_to ? time <= row.time : time < row.time) past.emplace_back(time, i);
  });
  const int64_t num_past = static_cast<int64_t>(past.size());
  const auto emit = [&](int64_t pick) { picks.add(past[pick].second); };
  const bool is_all = fanout_ == kAllNeighbors || (!rule_.replace && num_past <= fanout_);
  if (is_all || num_past == 0) {
    for (int64_t i = 0; i < num_past; ++i) emit(i);
  } else if (rule_.pick == Pick::kLatest) {
    // Edges that carry a time are in its order already.
    if (edge_times_ == nullptr) std::sort(past.begin(), past.end());
    for (int64_t i = num_past - fanout_; i < num_past; ++i) emit(i);
  } else {
    Stream stream(derive_key(key_, static_cast<uint64_t>(row.index)));
    const uint32_t bound = static_cast<uint32_t>(num_past);
    if (rule_.replace) {
      draw_with_replacement(stream, bound, fanout_, emit);
    } else {
      draw_without_replacement(stream, bound, fanout_, swaps, emit);
    }
  }
}

template <class Id>
int64_t HopDraw::draw_row(const Row& row, SwapMap& swaps, Picks<Id> picks) const {
  if (row.num_picks == 0) return 0;
  if (source_times_ != nullptr) {
    draw_of_past_sources(row, swaps, picks);
    return picks.count;
  }
  const auto emit = [&](int64_t pick) { picks.add(pick); };
  const uint32_t degree = static_cast<uint32_t>(row.degree);
  if (row.takes_all) {
    const float* const weight = row.num_picks < row.degree ? edge_weights(row) : nullptr;
    for (int64_t pick = 0; pick < row.degree; ++pick) {
      if (weight == nullptr || weight[pick] > 0) emit(pick);
    }
    return picks.count;
  }
  Stream stream(derive_key(key_, static_cast<uint64_t>(row.index)));
  if (rule_.pick == Pick::kLabor) {
    draw_labor(row, picks);
  } else if (rule_.pick == Pick::kLatest) {
    for (int64_t pick = row.degree - row.num_picks; pick < row.degree; ++pick) emit(pick);
  } else if (is_weighted() && rule_.replace) {
    for (int64_t i = 0; i < row.num_picks; ++i) emit(draw_slot(stream, slots(row), degree));
  } else if (is_weighted()) {
    draw_weighted(stream, slots(row), edge_weights(row), degree, row.num_picks, swaps, emit);
  } else if (rule_.replace) {
    draw_with_replacement(stream, degree, row.num_picks, emit);
  } else {
    draw_without_replacement(stream, degree, row.num_picks, swaps, emit);
  }
  return picks.count;
}

template <class Id>
void HopDraw::draw_as(Row* rows, int64_t count, int64_t* positions, int64_t* sources) const {
  thread_local SwapMap swaps;
  thread_local std::vector<const Id*> addresses;
  const int64_t num_src_nodes = sources_.owned.size();
  for (int64_t begin = 0; begin < count;) {
    int64_t end = begin + 1;
    int64_t num_picks = rows[begin].num_picks;
    while (end < count && num_picks + rows[end].num_picks <= kEdgesPerBlock) {
      num_picks += rows[end++].num_picks;
    }
    if (static_cast<int64_t>(addresses.size()) < num_picks) addresses.resize(num_picks);
    if (is_weighted() && fanout_ != kAllNeighbors) {
      for (int64_t i = begin; i < end; ++i) {
        if (rows[i].degree == 0) continue;
        prefetch_slots(Stream(derive_key(key_, static_cast<uint64_t>(rows[i].index))),
                       slots(rows[i]), static_cast<uint32_t>(rows[i].degree), rows[i].num_picks);
      }
    }
    const int64_t first = rows[begin].first_pick;
    for (int64_t i = begin; i < end; ++i) {
      Row& row = rows[i];
      const Id** const to = addresses.data() + (row.first_pick - first);
      const int64_t found = draw_row<Id>(
          row, swaps,
          {static_cast<const Id*>(row.src), row.position, positions + row.first_pick, to});
      if (may_come_short_) {
        row.num_picks = found;
        read_sources(to, found, num_src_nodes, sources + row.first_pick);
      }
    }
    if (!may_come_short_) read_sources(addresses.data(), num_picks, num_src_nodes, sources + first);
    begin = end;
  }
}

void HopDraw::draw(Row* rows, int64_t count, int64_t* positions, int64_t* sources) const {
  if (edges_.is_copied) {
    draw_as<uint32_t>(rows, count, positions, sources);
  } else {
    draw_as<int64_t>(rows, count, positions, sources);
  }
}

int64_t close_gaps(Row* rows, int64_t count, int64_t* positions, int64_t* sources) {
  int64_t end = count > 0 ? rows[0].first_pick : 0;
  for (int64_t i = 0; i < count; ++i) {
    Row& row = rows[i];
    if (row.first_pick != end) {
      std::copy_n(positions + row.first_pick, row.num_picks, positions + end);
      std::copy_n(sources + row.first_pick, row.num_picks, sources + end);
      row.first_pick = end;
    }
    end += row.num_picks;
  }
  return end;
}

DrawnEdges draw_hop(const HopDraw& hop, const int64_t* ids, const int64_t* times, int64_t count,
                    int num_threads) {
  std::vector<Row> rows(static_cast<size_t>(count));
  parallel_chunks(num_threads, count, kNodesPerChunk, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      if (i + kLookahead < to) hop.prefetch(ids[i + kLookahead]);
      rows[i] = hop.find(ids[i], times == nullptr ? 0 : times[i]);
    }
    if (hop.has_edge_times()) hop.cut_to_past(rows.data() + from, to - from);
  });
  DrawnEdges drawn;
  int64_t num_edges = 0;
  for (Row& row : rows) {
    row.first_pick = num_edges;
    num_edges += row.num_picks;
  }
  drawn.sources.resize(static_cast<size_t>(num_edges));
  drawn.positions.resize(static_cast<size_t>(num_edges));
  parallel_chunks(num_threads, count, kNodesPerChunk, [&](int64_t from, int64_t to) {
    hop.draw(rows.data() + from, to - from, drawn.positions.data(), drawn.sources.data());
  });
  if (hop.may_come_short()) {
    num_edges = close_gaps(rows.data(), count, drawn.positions.data(), drawn.sources.data());
    drawn.sources.resize(static_cast<size_t>(num_edges));
    drawn.positions.resize(static_cast<size_t>(num_edges));
  }
  for (const Row& row : rows) {
    drawn.num_picks.push_back(row.num_picks);
    if (hop.gives_weights()) {
      drawn.weights.insert(drawn.weights.end(), row.num_picks, hop.weight(row));
    }
  }
  return drawn;
}

}  // namespace distgnn
