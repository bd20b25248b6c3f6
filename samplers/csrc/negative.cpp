#include "negative.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "errors.h"
#include "parallel.h"

namespace distgnn {
namespace {

// Negatives that are drawn together: their visits to memory overlap.
constexpr int kBlock = 64;
constexpr int64_t kDrawsPerChunk = 32 * kBlock;
// Draws that may be turned down before all candidates are looked at.
constexpr int kMaxTrials = 64;

// Nodes in the order of their index; empty where that is the order of ids.
std::vector<int64_t> by_index(const NodeSet& nodes) {
  std::vector<int64_t> ids(static_cast<size_t>(nodes.owned.size()));
  bool is_identity = true;
  for (int64_t part = 0; part < nodes.owned.num_parts(); ++part) {
    const int64_t begin = nodes.owned.begin(part);
    for (int64_t i = 0; i < nodes.owned.end(part) - begin; ++i) {
      const int64_t index = nodes.index[part][i];
      if (static_cast<uint64_t>(index) >= ids.size()) throw_corrupt("an index is out of range");
      ids[static_cast<size_t>(index)] = begin + i;
      is_identity &= index == begin + i;
    }
  }
  return is_identity ? std::vector<int64_t>() : ids;
}

uint32_t checked_size(const NodeSet& nodes) {
  if (nodes.owned.size() >= int64_t{1} << 32) {
    throw ArgumentError("negatives are drawn among fewer than 2^32 nodes, and there are " +
                        std::to_string(nodes.owned.size()));
  }
  return static_cast<uint32_t>(nodes.owned.size());
}

int64_t in_part(const std::vector<const int64_t*>& parts, const Ranges& owned, int64_t id) {
  const int64_t part = owned.part_of(id);
  return parts[part][id - owned.begin(part)];
}

}  // namespace

struct NegativeSampler::Draw {
  Stream stream;
  int64_t positive;  // place in the batch
  int64_t src;
  int64_t dst;
};

NegativeSampler::NegativeSampler(Adjacency incoming, NegativeOptions options)
    : incoming_(std::move(incoming)),
      options_(std::move(options)),
      is_one_type_(incoming_.owner_type() == incoming_.neighbor_type()),
      num_sources_(checked_size(incoming_.neighbors())),
      num_destinations_(checked_size(incoming_.owners())),
      sources_(by_index(incoming_.neighbors())),
      destinations_(by_index(incoming_.owners())) {
  if (options_.kind != NegativeKind::kDegree) return;
  std::vector<double> weights(num_destinations_);
  double total = 0;
  for (uint32_t i = 0; i < num_destinations_; ++i) {
    total += weights[i] = weight(node_at(destinations_, i));
  }
  if (total == 0) throw ArgumentError("no node has an in-edge, so none can be drawn by in-degree");
  degrees_ = std::make_unique<AliasTable>(std::move(weights));
}

double NegativeSampler::weight(int64_t dst) const {
  const uint32_t degree = incoming_.list(dst).degree;
  return degree == 0 ? 0 : std::pow(static_cast<double>(degree), options_.power);
}

void NegativeSampler::sample(const Positives& positives, int64_t* src, int64_t* dst,
                             int num_threads) const {
  const int64_t count = positives.count * options_.num_negatives;
  parallel_chunks(num_threads, count, kDrawsPerChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kBlock) {
      sample_block(positives, i, static_cast<int>(std::min<int64_t>(kBlock, end - i)), src, dst);
    }
  });
}

void NegativeSampler::sample_block(const Positives& positives, int64_t begin, int count,
                                   int64_t* src, int64_t* dst) const {
  Draw draws[kBlock];
  int64_t positive = begin / options_.num_negatives;
  int64_t which = begin % options_.num_negatives;
  for (int i = 0; i < count; ++i) {
    Draw& draw = draws[i];
    const uint64_t number = static_cast<uint64_t>(positives.numbers[positive]);
    draw.stream = Stream(
        derive_key(derive_key(positives.key, number), static_cast<uint64_t>(which)));
    draw.positive = positive;
    draw_ends(positives, draw);
    if (options_.exclude) incoming_.prefetch(draw.dst);
    if (++which < options_.num_negatives) continue;
    which = 0;
    ++positive;
  }
  if (options_.exclude) {
    for (int i = 0; i < count; ++i) {
      const NeighborList list = incoming_.list(draws[i].dst);
      if (list.degree == 0) continue;
      list.prefetch(0);
      list.prefetch(list.degree / 2);
      list.prefetch(list.degree - 1);
    }
  }
  for (int i = 0; i < count; ++i) {
    Draw& draw = draws[i];
    for (int trial = 1; !is_allowed(positives, draw); ++trial) {
      if (trial == kMaxTrials) {
        draw_among_all(positives, draw);
        break;
      }
      draw_ends(positives, draw);
    }
    src[begin + i] = draw.src;
    dst[begin + i] = draw.dst;
  }
}

void NegativeSampler::draw_ends(const Positives& positives, Draw& draw) const {
  Stream& stream = draw.stream;
  draw.src = options_.kind == NegativeKind::kPairs ? node_at(sources_, stream.below(num_sources_))
                                                   : positives.src[draw.positive];
  switch (options_.kind) {
    case NegativeKind::kPairs:
    case NegativeKind::kPerSource:
      draw.dst = node_at(destinations_, stream.below(num_destinations_));
      break;
    case NegativeKind::kDegree:
      draw.dst = node_at(destinations_, degrees_->draw(stream));
      break;
    case NegativeKind::kInBatch:
      draw.dst = positives.dst[stream.below(static_cast<uint32_t>(positives.count))];
      break;
  }
}

bool NegativeSampler::is_allowed(const Positives& positives, const Draw& draw) const {
  const int64_t* time = positives.times == nullptr ? nullptr : positives.times + draw.positive;
  if (time != nullptr && !options_.node_times.empty() &&
      in_part(options_.node_times, incoming_.owners().owned, draw.dst) > *time) {
    return false;
  }
  if (!options_.exclude) return true;
  return !(is_one_type_ && draw.src == draw.dst) && !is_edge(draw.src, draw.dst, time);
}

bool NegativeSampler::is_edge(int64_t src, int64_t dst, const int64_t* time) const {
  const NeighborList list = incoming_.list(dst);
  uint32_t limit = list.degree;
  if (time != nullptr && !options_.edge_times.empty()) {
    // Edges are sorted by time.
    const Ranges& owned = incoming_.owners().owned;
    const int64_t* const times =
        options_.edge_times[owned.part_of(dst)] + incoming_.first_edge_in_part(dst);
    limit = static_cast<uint32_t>(std::upper_bound(times, times + list.degree, *time) - times);
  }
  return incoming_.contains(list, limit, src);
}

void NegativeSampler::draw_among_all(const Positives& positives, Draw& draw) const {
  if (options_.kind == NegativeKind::kPairs) return draw_pair_among_all(draw);
  if (options_.kind == NegativeKind::kInBatch) {
    draw_destination_among_all(positives, draw, true);
    if (draw.dst >= 0) return;
  }
  draw_destination_among_all(positives, draw, false);
  if (draw.dst >= 0) return;
  throw NoNegativesError(
      "there is no negative for source node " + std::to_string(draw.src) +
      " (global id): all nodes that may be drawn are its neighbours or itself; leave such sources "
      "out, draw negatives in another way, or do not exclude positives");
}

// Draws among the destinations that are allowed; dst is -1 if there are none.
void NegativeSampler::draw_destination_among_all(const Positives& positives, Draw& draw,
                                                 bool in_batch) const {
  const int64_t count = in_batch ? positives.count : num_destinations_;
  std::vector<int64_t> nodes;
  std::vector<double> weights;
  double total = 0;
  for (int64_t i = 0; i < count; ++i) {
    draw.dst = in_batch ? positives.dst[i] : node_at(destinations_, static_cast<uint32_t>(i));
    if (!is_allowed(positives, draw)) continue;
    const double share = options_.kind == NegativeKind::kDegree ? weight(draw.dst) : 1;
    if (share == 0) continue;
    nodes.push_back(draw.dst);
    weights.push_back(share);
    total += share;
  }
  draw.dst = -1;
  double left = static_cast<double>(draw.stream.next64() >> 11) * 0x1.0p-53 * total;
  for (size_t i = 0; i < nodes.size() && left >= 0; ++i) {
    draw.dst = nodes[i];
    left -= weights[i];
  }
}

void NegativeSampler::draw_pair_among_all(Draw& draw) const {
  std::call_once(counted_, [&] {
    std::vector<int64_t> seen;
    free_before_.assign(1, 0);
    for (uint32_t i = 0; i < num_destinations_; ++i) {
      const int64_t dst = node_at(destinations_, i);
      const NeighborList list = incoming_.list(dst);
      seen.clear();
      for (uint32_t e = 0; e < list.degree; ++e) seen.push_back(incoming_.at(list, e));
      if (is_one_type_) seen.push_back(dst);
      std::sort(seen.begin(), seen.end());
      const int64_t taken = std::unique(seen.begin(), seen.end()) - seen.begin();
      free_before_.push_back(free_before_.back() + num_sources_ - taken);
    }
  });
  if (free_before_.back() == 0) {
    throw NoNegativesError(
        "there are no negatives: every pair of nodes is an edge; do not exclude positives");
  }
  // 64 bits against fewer than 2^64 pairs: the bias of the modulus is below any that is seen.
  const int64_t number =
      static_cast<int64_t>(draw.stream.next64() % static_cast<uint64_t>(free_before_.back()));
  const auto after = std::upper_bound(free_before_.begin(), free_before_.end(), number);
  draw.dst = node_at(destinations_, static_cast<uint32_t>(after - free_before_.begin() - 1));
  int64_t left = number - *(after - 1);
  for (uint32_t i = 0; i < num_sources_; ++i) {
    draw.src = node_at(sources_, i);
    const bool taken = (is_one_type_ && draw.src == draw.dst) || is_edge(draw.src, draw.dst, nullptr);
    if (!taken && left-- == 0) return;
  }
}

}  // namespace distgnn
