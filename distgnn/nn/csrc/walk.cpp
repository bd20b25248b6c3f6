#include "walk.h"

#include <algorithm>

#include "ranges.h"
#include "rng.h"

namespace distgnn {
namespace {

// Walks that take a step together: their visits to memory overlap.
constexpr int64_t kTogether = 32;
// Walks a thread takes at once.
constexpr int64_t kGrain = 8 * kTogether;
// Draws that may be turned down before all edges of a node are weighed.
constexpr int kMaxTrials = 32;

bool holds(const Relation& relation, int64_t node) {
  return static_cast<uint64_t>(node - relation.first) < static_cast<uint64_t>(relation.num_rows);
}

// Takes a walk on by one step: `node` and `at` are those of up to kTogether walks.
struct Together {
  int64_t node[kTogether];
  const int64_t* at[kTogether];  // the next node, or null where the walk ends
};

bool pick_edges(const Relation& relation, int64_t dead_end, Stream* streams, int64_t count, Together& walks) {
  for (int64_t i = 0; i < count; ++i) {
    walks.at[i] = nullptr;
    if (walks.node[i] == dead_end) continue;
    if (!holds(relation, walks.node[i])) return false;
    const int64_t* limits = relation.indptr + (walks.node[i] - relation.first);
    const int64_t degree = limits[1] - limits[0];
    if (degree == 0) continue;
    walks.at[i] = relation.indices + limits[0] + streams[i].below(static_cast<uint32_t>(degree));
    __builtin_prefetch(walks.at[i]);
  }
  return true;
}

void follow_edges(const Relation& next, int64_t dead_end, int64_t count, Together& walks) {
  for (int64_t i = 0; i < count; ++i) {
    if (walks.at[i] != nullptr) {
      walks.node[i] = *walks.at[i];
      if (holds(next, walks.node[i])) __builtin_prefetch(next.indptr + (walks.node[i] - next.first));
    } else if (dead_end != kStay) {
      walks.node[i] = dead_end;
    }
  }
}

bool walk_together(const std::vector<Relation>& relations, const Walks& all, int64_t dead_end, int64_t begin,
                   int64_t count) {
  Together walks;
  std::vector<Stream> streams;
  streams.reserve(kTogether);
  for (int64_t i = 0; i < count; ++i) {
    walks.node[i] = all.out[begin + i] = all.start[begin + i];
    streams.emplace_back(derive_key(all.key, static_cast<uint64_t>(begin + i)));
  }
  const int64_t num_relations = static_cast<int64_t>(relations.size());
  for (int64_t step = 0; step < all.num_steps; ++step) {
    if (!pick_edges(relations[step % num_relations], dead_end, streams.data(), count, walks)) return false;
    follow_edges(relations[(step + 1) % num_relations], dead_end, count, walks);
    std::copy(walks.node, walks.node + count, all.out + (step + 1) * all.num_walks + begin);
  }
  return true;
}

double uniform(Stream& stream) { return static_cast<double>(stream.next64() >> 11) * 0x1.0p-53; }

// The edges of the node that a walk stands on, weighed by the node that it came from.
class Neighbours {
 public:
  Neighbours(const Relation& relation, double p, double q) : relation_(relation), back_(1 / p), away_(1 / q) {
    largest_ = std::max({1.0, back_, away_});
  }

  int64_t pick(int64_t from, int64_t node, Stream& stream) const {
    const int64_t* begin = relation_.indices + relation_.indptr[node];
    const int64_t* end = relation_.indices + relation_.indptr[node + 1];
    if (begin == end) return node;
    const uint32_t degree = static_cast<uint32_t>(end - begin);
    for (int trial = 0; trial < kMaxTrials; ++trial) {
      const int64_t next = begin[stream.below(degree)];
      if (weighs_more(from, next, uniform(stream) * largest_)) return next;
    }
    return pick_weighing_all(from, begin, end, stream);
  }

 private:
  // Whether the edge to `next` weighs more than `bound`. Most bounds are too low or too high for it
  // to matter whether there is an edge from `from` to `next`, which is slow to look up.
  bool weighs_more(int64_t from, int64_t next, double bound) const {
    if (next == from) return bound < back_;
    if (bound < std::min(1.0, away_)) return true;
    if (bound >= std::max(1.0, away_)) return false;
    return bound < weight(from, next);
  }

  double weight(int64_t from, int64_t next) const {
    if (next == from) return back_;
    const int64_t* row = relation_.indices + relation_.indptr[from];
    return std::binary_search(row, relation_.indices + relation_.indptr[from + 1], next) ? 1.0 : away_;
  }

  int64_t pick_weighing_all(int64_t from, const int64_t* begin, const int64_t* end, Stream& stream) const {
    double total = 0;
    for (const int64_t* next = begin; next < end; ++next) total += weight(from, *next);
    double left = uniform(stream) * total;
    for (const int64_t* next = begin; next + 1 < end; ++next) {
      left -= weight(from, *next);
      if (left < 0) return *next;
    }
    return end[-1];
  }

  Relation relation_;
  double back_, away_, largest_;
};

bool walk_biased(const Relation& relation, const Neighbours& neighbours, const Walks& all, int64_t i) {
  Stream stream(derive_key(all.key, static_cast<uint64_t>(i)));
  int64_t from = all.start[i], node = from;
  all.out[i] = node;
  for (int64_t step = 1; step <= all.num_steps; ++step) {
    if (!holds(relation, node)) return false;
    int64_t next = node;
    if (step > 1) {
      next = neighbours.pick(from, node, stream);
    } else if (const int64_t degree = relation.indptr[node + 1] - relation.indptr[node]; degree > 0) {
      next = relation.indices[relation.indptr[node] + stream.below(static_cast<uint32_t>(degree))];
    }
    from = node;
    node = next;
    all.out[step * all.num_walks + i] = node;
  }
  return true;
}

}  // namespace

bool walk(const std::vector<Relation>& relations, const Walks& walks, int64_t dead_end, int num_threads) {
  return for_range(walks.num_walks, kGrain, num_threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kTogether) {
      if (!walk_together(relations, walks, dead_end, i, std::min(kTogether, end - i))) return false;
    }
    return true;
  });
}

void random_nodes(const std::vector<NodeRange>& ranges, const Walks& walks, int num_threads) {
  for_range(walks.num_walks, kGrain, num_threads, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; block += kGrain) {
      Stream stream(derive_key(walks.key, static_cast<uint64_t>(block)));
      const int64_t count = std::min(kGrain, end - block);
      std::copy_n(walks.start + block, count, walks.out + block);
      for (int64_t step = 1; step <= walks.num_steps; ++step) {
        const NodeRange range = ranges[step % static_cast<int64_t>(ranges.size())];
        int64_t* out = walks.out + step * walks.num_walks + block;
        for (int64_t i = 0; i < count; ++i) out[i] = range.first + stream.below(range.count);
      }
    }
    return true;
  });
}

bool biased_walk(const Relation& relation, const Walks& walks, double p, double q, int num_threads) {
  const Neighbours neighbours(relation, p, q);
  return for_range(walks.num_walks, kGrain, num_threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (!walk_biased(relation, neighbours, walks, i)) return false;
    }
    return true;
  });
}

}  // namespace distgnn
