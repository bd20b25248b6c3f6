#include "streaming.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace distgnn {
namespace {

// How far ahead of the stream rows are fetched: nodes come in random order.
constexpr int64_t kPrefetchDistance = 8;

int32_t least_overflow(const StreamInput& input, const Loads& loads, const int64_t* weight) {
  int32_t best = 0;
  for (int32_t p = 1; p < input.weights.num_parts; ++p)
    if (loads.relative_with(p, weight) < loads.relative_with(best, weight))
      best = p;
  return best;
}

// score(neighbours already in the part, relative load of the part), higher is better.
template <typename Score>
int32_t best_part(const StreamInput& input,
                  const Loads& loads,
                  const int64_t* weight,
                  const std::vector<int32_t>& neighbours_in,
                  const Score& score) {
  int32_t best = -1;
  double best_score = -std::numeric_limits<double>::infinity();
  for (int32_t p = 0; p < input.weights.num_parts; ++p) {
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
  return best >= 0 ? best : least_overflow(input, loads, weight);
}

void prefetch_row(const StreamInput& input, int64_t position) {
  if (position + 2 * kPrefetchDistance < input.weights.num_nodes)
    __builtin_prefetch(input.indptr + input.order[position + 2 * kPrefetchDistance]);
  if (position + kPrefetchDistance < input.weights.num_nodes)
    __builtin_prefetch(input.indices + input.indptr[input.order[position + kPrefetchDistance]]);
}

template <typename Score>
void stream(const StreamInput& input, const Score& score, int32_t* assignment) {
  Loads loads(input.weights);
  std::vector<int32_t> neighbours_in(input.weights.num_parts);
  std::fill(assignment, assignment + input.weights.num_nodes, -1);
  for (int64_t i = 0; i < input.weights.num_nodes; ++i) {
    prefetch_row(input, i);
    const int64_t v = input.order[i];
    std::fill(neighbours_in.begin(), neighbours_in.end(), 0);
    for (int64_t e = input.indptr[v]; e < input.indptr[v + 1]; ++e) {
      const int32_t part = assignment[input.indices[e]];
      if (part >= 0)
        ++neighbours_in[part];
    }
    const int64_t* weight = input.weights.of(v);
    assignment[v] = best_part(input, loads, weight, neighbours_in, score);
    loads.add(assignment[v], weight);
  }
}

}  // namespace

void ldg(const StreamInput& input, int32_t* assignment) {
  const double inverse_slack = 1 / input.weights.slack;
  const auto score = [inverse_slack](int32_t neighbours, double relative_load) {
    return neighbours * (1 - relative_load * inverse_slack);
  };
  stream(input, score, assignment);
}

void fennel(const StreamInput& input, int32_t* assignment) {
  // With load(p) = relative_load x n / k the penalty alpha x gamma x sqrt(load) becomes
  // 1.5 x (m / n) x sqrt(relative_load): k cancels, and weighted loads need no rule of their own.
  const double num_edges = static_cast<double>(input.indptr[input.weights.num_nodes]) / 2;
  const double factor =
      1.5 * num_edges / std::max<double>(1, static_cast<double>(input.weights.num_nodes));
  const auto score = [factor](int32_t neighbours, double relative_load) {
    return neighbours - factor * std::sqrt(relative_load);
  };
  stream(input, score, assignment);
}

}  // namespace distgnn
