#include "columns.h"

#include <atomic>
#include <cmath>
#include <string>

#include "errors.h"
#include "parallel.h"

namespace distgnn {
namespace {

constexpr int64_t kRowsPerChunk = 1 << 14;
constexpr double kTwoTo32 = 4294967296.0;

struct Scratch {
  std::vector<double> share;  // of the mean; what is left of it in its own slot
  std::vector<uint32_t> small;
  std::vector<uint32_t> large;
};

uint32_t threshold_of(double share) {
  return share >= 1 ? 0xffffffffu : static_cast<uint32_t>(share * kTwoTo32);
}

// Vose, "A linear algorithm for generating random numbers with a given distribution", IEEE TSE
// 1991. Returns the number of positive weights.
uint32_t fill_slots(const float* weight, uint32_t degree, Scratch& scratch, AliasSlot* slots) {
  double sum = 0;
  uint32_t num_positive = 0, heaviest = 0;
  for (uint32_t i = 0; i < degree; ++i) {
    sum += weight[i];
    num_positive += weight[i] > 0;
    if (weight[i] > weight[heaviest]) heaviest = i;
  }
  if (num_positive == 0) return 0;
  scratch.share.resize(degree);
  scratch.small.clear();
  scratch.large.clear();
  for (uint32_t i = 0; i < degree; ++i) {
    scratch.share[i] = weight[i] / sum * degree;
    (scratch.share[i] < 1 ? scratch.small : scratch.large).push_back(i);
  }
  while (!scratch.small.empty() && !scratch.large.empty()) {
    const uint32_t small = scratch.small.back(), large = scratch.large.back();
    scratch.small.pop_back();
    slots[small] = {threshold_of(scratch.share[small]), large};
    scratch.share[large] -= 1 - scratch.share[small];
    if (scratch.share[large] < 1) {
      scratch.large.pop_back();
      scratch.small.push_back(large);
    }
  }
  // What is left has a share of 1 but for rounding.
  for (const uint32_t i : scratch.large) slots[i] = {0xffffffffu, i};
  for (const uint32_t i : scratch.small) {
    slots[i] = weight[i] > 0 ? AliasSlot{0xffffffffu, i} : AliasSlot{0, heaviest};
  }
  return num_positive;
}

void check_weights(const float* weight, int64_t count, int64_t first_edge) {
  for (int64_t i = 0; i < count; ++i) {
    if (weight[i] >= 0 && std::isfinite(weight[i])) continue;
    throw ArgumentError("the edge at position " + std::to_string(first_edge + i) + " weighs " +
                        std::to_string(weight[i]) +
                        ": weights that edges are drawn by must be finite and not negative; "
                        "correct the column and partition the graph again");
  }
}

}  // namespace

std::vector<WeightPart> alias_tables(const Graph& graph, size_t edge_type,
                                     const std::vector<const float*>& weights, Weights& owner,
                                     int num_threads) {
  const EdgeSet& edges = graph.edges[edge_type];
  const Ranges& owned = graph.nodes[edges.dst_type].owned;
  std::vector<WeightPart> tables(weights.size());
  for (size_t p = 0; p < weights.size(); ++p) {
    const EdgePart& part = edges.parts[p];
    if (!part.is_open()) continue;
    const float* const weight = weights[p];
    check_weights(weight, part.num_edges, edges.first_edge[p]);
    const size_t bytes = static_cast<size_t>(part.num_edges + 1) * sizeof(AliasSlot);
    owner.pages.emplace_back(allocate_pages(round_up(bytes, page_unit(bytes))));
    AliasSlot* const slots = static_cast<AliasSlot*>(owner.pages.back().get());
    const int64_t num_dst = owned.end(p) - owned.begin(p);
    std::vector<uint32_t> num_positive(static_cast<size_t>(num_dst));
    std::atomic<bool> has_zeros{false};
    parallel_chunks(num_threads, num_dst, kRowsPerChunk, [&](int64_t from, int64_t to) {
      Scratch scratch;
      for (int64_t i = from; i < to; ++i) {
        check_row(part, i);
        const int64_t begin = part.indptr[i];
        const uint32_t degree = static_cast<uint32_t>(part.indptr[i + 1] - begin);
        num_positive[i] = fill_slots(weight + begin, degree, scratch, slots + begin);
        if (num_positive[i] < degree) has_zeros = true;
      }
    });
    if (!has_zeros) num_positive.clear();
    tables[p] = {weight, slots, std::move(num_positive)};
  }
  return tables;
}

void check_times(const Graph& graph, size_t edge_type, const std::vector<const int64_t*>& times,
                 int num_threads) {
  const EdgeSet& edges = graph.edges[edge_type];
  const Ranges& owned = graph.nodes[edges.dst_type].owned;
  for (size_t p = 0; p < times.size(); ++p) {
    const EdgePart& part = edges.parts[p];
    if (!part.is_open()) continue;
    const int64_t* const time = times[p];
    const int64_t num_dst = owned.end(p) - owned.begin(p);
    parallel_chunks(num_threads, num_dst, kRowsPerChunk, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        check_row(part, i);
        for (int64_t e = part.indptr[i] + 1; e < part.indptr[i + 1]; ++e) {
          if (time[e - 1] <= time[e]) continue;
          throw_corrupt("the in-edges of node " + std::to_string(owned.begin(p) + i) +
                        " are not in the order of their times");
        }
      }
    });
  }
}

}  // namespace distgnn
