#include "streaming.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace distgnn {
namespace {

// How far ahead of the stream rows are fetched: nodes come in random order.
constexpr int64_t kPrefetchDistance = 8;

int32_t least_overflow(int32_t num_parts, const Loads& loads, const int64_t* weight) {
  int32_t best = 0;
  for (int32_t p = 1; p < num_parts; ++p)
    if (loads.relative_with(p, weight) < loads.relative_with(best, weight))
      best = p;
  return best;
}

// score(neighbours already in the part, relative load of the part), higher is better.
template <typename Score>
int32_t best_part(const Loads& loads,
                  const int64_t* weight,
                  const std::vector<int32_t>& neighbours_in,
                  const Score& score) {
  const int32_t num_parts = static_cast<int32_t>(neighbours_in.size());
  int32_t best = -1;
  double best_score = -std::numeric_limits<double>::infinity();
  for (int32_t p = 0; p < num_parts; ++p) {
    if (!loads.has_room(p, weight))
      continue;
    const double value = score(neighbours_in[p], loads.relative(p));
    const bool tie_to_lighter =
        best >= 0 && value == best_score && loads.relative(p) < loads.relative(best);
    if (value > best_score || tie_to_lighter) {
      best = p;
      best_score = value;
    }
  }
  return best >= 0 ? best : least_overflow(num_parts, loads, weight);
}

void prefetch_row(const RowBlock& block, int64_t position) {
  if (position + 2 * kPrefetchDistance < block.num_nodes)
    __builtin_prefetch(block.indptr + block.row(position + 2 * kPrefetchDistance));
  if (position + kPrefetchDistance < block.num_nodes)
    __builtin_prefetch(block.indices + block.indptr[block.row(position + kPrefetchDistance)]);
}

}  // namespace

Streamer::Streamer(const Weights& weights, Rule rule, double edges_per_node)
    : weights_(weights),
      rule_(rule),
      edges_per_node_(edges_per_node),
      loads_(weights),
      neighbours_in_(weights.num_parts) {}

template <typename Score>
void Streamer::place_by(const RowBlock& block, const Score& score, int32_t* assignment) {
  for (int64_t i = 0; i < block.num_nodes; ++i) {
    prefetch_row(block, i);
    std::fill(neighbours_in_.begin(), neighbours_in_.end(), 0);
    const int64_t row = block.row(i);
    for (int64_t e = block.indptr[row]; e < block.indptr[row + 1]; ++e) {
      const int32_t part = assignment[block.indices[e]];
      if (part >= 0)
        ++neighbours_in_[part];
    }
    const int64_t v = block.nodes[i];
    const int64_t* weight = weights_.of(v);
    assignment[v] = best_part(loads_, weight, neighbours_in_, score);
    loads_.add(assignment[v], weight);
  }
}

void Streamer::place(const RowBlock& block, int32_t* assignment) {
  if (rule_ == Rule::kLdg) {
    const double inverse_slack = 1 / weights_.slack;
    const auto score = [inverse_slack](int32_t neighbours, double relative_load) {
      return neighbours * (1 - relative_load * inverse_slack);
    };
    place_by(block, score, assignment);
    return;
  }
  // With load(p) = relative_load x n / k the penalty alpha x gamma x sqrt(load) becomes
  // 1.5 x (m / n) x sqrt(relative_load): k cancels, and weighted loads need no rule of their own.
  const double factor = 1.5 * edges_per_node_;
  const auto score = [factor](int32_t neighbours, double relative_load) {
    return neighbours - factor * std::sqrt(relative_load);
  };
  place_by(block, score, assignment);
}

}  // namespace distgnn
