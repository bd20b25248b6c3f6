#include "streaming.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace distgnn {
namespace {

// How far ahead of the stream rows are fetched: nodes come in random order.
constexpr int64_t kPrefetchDistance = 8;

// Loads of the parts. The relative load of a part is the largest, over the constraints, of its
// load divided by the equal share: 1 is an exactly balanced part.
class Loads {
 public:
  explicit Loads(const StreamInput& input)
      : input_(input),
        loads_(static_cast<std::size_t>(input.num_parts) * input.num_constraints, 0),
        relative_(input.num_parts, 0.0) {
    for (int c = 0; c < input.num_constraints; ++c) {
      int64_t total = 0;
      for (int64_t v = 0; v < input.num_nodes; ++v)
        total += input.weights[v * input.num_constraints + c];
      const double share = static_cast<double>(total) / input.num_parts;
      inverse_share_.push_back(share > 0 ? 1 / share : 0);
      capacity_.push_back(static_cast<int64_t>(std::ceil(share * input.slack)));
    }
  }

  double relative(int32_t part) const { return relative_[part]; }

  bool has_room(int32_t part, const int64_t* weight) const {
    const int64_t* load = row(part);
    for (int c = 0; c < input_.num_constraints; ++c)
      if (load[c] + weight[c] > capacity_[c])
        return false;
    return true;
  }

  // Relative load of the part if a node of this weight were added.
  double relative_with(int32_t part, const int64_t* weight) const {
    const int64_t* load = row(part);
    double largest = 0;
    for (int c = 0; c < input_.num_constraints; ++c)
      largest = std::max(largest, static_cast<double>(load[c] + weight[c]) * inverse_share_[c]);
    return largest;
  }

  void add(int32_t part, const int64_t* weight) {
    relative_[part] = relative_with(part, weight);
    int64_t* load = loads_.data() + static_cast<std::size_t>(part) * input_.num_constraints;
    for (int c = 0; c < input_.num_constraints; ++c)
      load[c] += weight[c];
  }

 private:
  const int64_t* row(int32_t part) const {
    return loads_.data() + static_cast<std::size_t>(part) * input_.num_constraints;
  }

  const StreamInput& input_;
  std::vector<int64_t> loads_;  // [num_parts, num_constraints]
  std::vector<double> relative_;
  std::vector<double> inverse_share_;
  std::vector<int64_t> capacity_;
};

int32_t least_overflow(const StreamInput& input, const Loads& loads, const int64_t* weight) {
  int32_t best = 0;
  for (int32_t p = 1; p < input.num_parts; ++p)
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
  for (int32_t p = 0; p < input.num_parts; ++p) {
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
  if (position + 2 * kPrefetchDistance < input.num_nodes)
    __builtin_prefetch(input.indptr + input.order[position + 2 * kPrefetchDistance]);
  if (position + kPrefetchDistance < input.num_nodes)
    __builtin_prefetch(input.indices + input.indptr[input.order[position + kPrefetchDistance]]);
}

template <typename Score>
void stream(const StreamInput& input, const Score& score, int32_t* assignment) {
  Loads loads(input);
  std::vector<int32_t> neighbours_in(input.num_parts);
  std::fill(assignment, assignment + input.num_nodes, -1);
  for (int64_t i = 0; i < input.num_nodes; ++i) {
    prefetch_row(input, i);
    const int64_t v = input.order[i];
    std::fill(neighbours_in.begin(), neighbours_in.end(), 0);
    for (int64_t e = input.indptr[v]; e < input.indptr[v + 1]; ++e) {
      const int32_t part = assignment[input.indices[e]];
      if (part >= 0)
        ++neighbours_in[part];
    }
    const int64_t* weight = input.weights + v * input.num_constraints;
    assignment[v] = best_part(input, loads, weight, neighbours_in, score);
    loads.add(assignment[v], weight);
  }
}

}  // namespace

void ldg(const StreamInput& input, int32_t* assignment) {
  const double inverse_slack = 1 / input.slack;
  const auto score = [inverse_slack](int32_t neighbours, double relative_load) {
    return neighbours * (1 - relative_load * inverse_slack);
  };
  stream(input, score, assignment);
}

void fennel(const StreamInput& input, int32_t* assignment) {
  // With load(p) = relative_load x n / k the penalty alpha x gamma x sqrt(load) becomes
  // 1.5 x (m / n) x sqrt(relative_load): k cancels, and weighted loads need no rule of their own.
  const double num_edges = static_cast<double>(input.indptr[input.num_nodes]) / 2;
  const double factor = 1.5 * num_edges / std::max<double>(1, static_cast<double>(input.num_nodes));
  const auto score = [factor](int32_t neighbours, double relative_load) {
    return neighbours - factor * std::sqrt(relative_load);
  };
  stream(input, score, assignment);
}

}  // namespace distgnn
