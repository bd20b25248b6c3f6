#include "rebalance.h"

#include <algorithm>
#include <vector>

namespace distgnn {
namespace {

// A part that gave one constraint relief may break another, which the next round mends.
constexpr int kMaxRounds = 16;
// Below this a change of the excess is rounding.
constexpr double kLeastProgress = 1e-12;

struct Candidate {
  int32_t gain;  // neighbours in the best other part, less those in the node's own
  int32_t node;
};

// Counts the neighbours of v in each part.
void count_neighbours(const int64_t* indptr,
                      const int32_t* indices,
                      const int32_t* assignment,
                      int64_t v,
                      std::vector<int32_t>* counts) {
  std::fill(counts->begin(), counts->end(), 0);
  for (int64_t e = indptr[v]; e < indptr[v + 1]; ++e)
    ++(*counts)[assignment[indices[e]]];
}

int32_t gain_of(const std::vector<int32_t>& counts, int32_t own) {
  int32_t best = 0;
  for (std::size_t p = 0; p < counts.size(); ++p)
    if (static_cast<int32_t>(p) != own)
      best = std::max(best, counts[p]);
  return best - counts[own];
}

// The part with the most neighbours (then the least load) where v makes the excess smaller, or -1.
int32_t best_target(const std::vector<int32_t>& counts,
                    const Loads& loads,
                    const int64_t* weight,
                    int32_t own) {
  int32_t best = -1;
  for (int32_t p = 0; p < static_cast<int32_t>(counts.size()); ++p) {
    if (p == own || loads.excess_change(own, p, weight) > -kLeastProgress)
      continue;
    const bool better = best < 0 || counts[p] > counts[best] ||
                        (counts[p] == counts[best] && loads.relative(p) < loads.relative(best));
    if (better)
      best = p;
  }
  return best;
}

class Rebalancer {
 public:
  Rebalancer(const int64_t* indptr,
             const int32_t* indices,
             const Weights& weights,
             int32_t* assignment)
      : indptr_(indptr),
        indices_(indices),
        weights_(weights),
        assignment_(assignment),
        loads_(weights),
        counts_(weights.num_parts) {
    for (int64_t v = 0; v < weights.num_nodes; ++v)
      loads_.add(assignment[v], weights.of(v));
  }

  // Returns whether any node moved.
  bool round() {
    bool moved = false;
    for (const Candidate& candidate : candidates())
      moved |= move(candidate.node);
    return moved;
  }

 private:
  std::vector<Candidate> candidates() {
    std::vector<Candidate> found;
    for (int64_t v = 0; v < weights_.num_nodes; ++v) {
      if (!loads_.is_overfull(assignment_[v], weights_.of(v)))
        continue;
      count_neighbours(indptr_, indices_, assignment_, v, &counts_);
      found.push_back({gain_of(counts_, assignment_[v]), static_cast<int32_t>(v)});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.gain > b.gain; });
    return found;
  }

  bool move(int64_t v) {
    const int32_t own = assignment_[v];
    const int64_t* weight = weights_.of(v);
    if (!loads_.is_overfull(own, weight))
      return false;
    count_neighbours(indptr_, indices_, assignment_, v, &counts_);
    const int32_t target = best_target(counts_, loads_, weight, own);
    if (target < 0)
      return false;
    loads_.remove(own, weight);
    loads_.add(target, weight);
    assignment_[v] = target;
    return true;
  }

  const int64_t* indptr_;
  const int32_t* indices_;
  const Weights& weights_;
  int32_t* assignment_;
  Loads loads_;
  std::vector<int32_t> counts_;
};

}  // namespace

void rebalance(const int64_t* indptr,
               const int32_t* indices,
               const Weights& weights,
               int32_t* assignment) {
  Rebalancer rebalancer(indptr, indices, weights, assignment);
  for (int round = 0; round < kMaxRounds && rebalancer.round(); ++round) {
  }
}

}  // namespace distgnn
