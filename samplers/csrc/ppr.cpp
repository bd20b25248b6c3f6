#include "ppr.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "parallel.h"

namespace distgnn {
namespace {

constexpr int64_t kSeedsPerChunk = 4;

struct Mass {
  double score = 0;
  double residual = 0;
  bool is_waiting = false;
};

class Push {
 public:
  Push(const Adjacency& adjacency, int64_t seed, const PprOptions& options)
      : adjacency_(adjacency), seed_(seed), options_(options) {}

  PprScores run() {
    add(seed_, 1.0);
    while (!waiting_.empty()) {
      const int64_t node = waiting_.front();
      waiting_.pop_front();
      push(node);
    }
    return top();
  }

 private:
  void push(int64_t node) {
    Mass& mass = mass_[node];
    const double residual = mass.residual;
    mass.is_waiting = false;
    mass.residual = 0;
    mass.score += options_.alpha * residual;
    const NeighborList list = adjacency_.list(node);
    const double rest = (1 - options_.alpha) * residual;
    if (list.degree == 0) return add(seed_, rest);
    for (uint32_t i = 0; i < list.degree; ++i) add(adjacency_.at(list, i), rest / list.degree);
  }

  void add(int64_t node, double residual) {
    Mass& mass = mass_[node];
    mass.residual += residual;
    if (mass.is_waiting) return;
    const double degree = std::max<uint32_t>(adjacency_.list(node).degree, 1);
    if (mass.residual < options_.epsilon * degree) return;
    mass.is_waiting = true;
    waiting_.push_back(node);
  }

  PprScores top() const {
    struct Entry {
      double score;
      int64_t index;
      int64_t node;
    };
    std::vector<Entry> entries;
    entries.reserve(mass_.size());
    for (const auto& [node, mass] : mass_) {
      if (mass.score > 0) entries.push_back({mass.score, adjacency_.index_of(node), node});
    }
    const size_t count = std::min(entries.size(), static_cast<size_t>(options_.top_k));
    const auto is_before = [](const Entry& a, const Entry& b) {
      return a.score != b.score ? a.score > b.score : a.index < b.index;
    };
    std::partial_sort(entries.begin(), entries.begin() + count, entries.end(), is_before);
    PprScores found;
    for (size_t i = 0; i < count; ++i) {
      found.nodes.push_back(entries[i].node);
      found.scores.push_back(entries[i].score);
    }
    return found;
  }

  const Adjacency& adjacency_;
  int64_t seed_;
  const PprOptions& options_;
  std::unordered_map<int64_t, Mass> mass_;
  std::deque<int64_t> waiting_;
};

}  // namespace

std::vector<PprScores> forward_push(const Adjacency& adjacency, const int64_t* seeds,
                                    int64_t num_seeds, const PprOptions& options) {
  std::vector<PprScores> found(static_cast<size_t>(num_seeds));
  parallel_chunks(options.num_threads, num_seeds, kSeedsPerChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) found[i] = Push(adjacency, seeds[i], options).run();
  });
  return found;
}

}  // namespace distgnn
