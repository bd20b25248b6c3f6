// Draws in proportion to weights at the price of one cache line (Walker 1977; the table is built as
// in Vose, "A linear algorithm for generating random numbers with a given distribution", 1991).
#pragma once

#include <cstdint>
#include <vector>

#include "rng.h"

namespace distgnn {

class AliasTable {
 public:
  // `weights`: not negative, not all 0, fewer than 2^32.
  explicit AliasTable(std::vector<double> weights) : slots_(weights.size()) {
    double total = 0;
    for (const double weight : weights) total += weight;
    std::vector<uint32_t> small, large;
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i] *= static_cast<double>(weights.size()) / total;
      (weights[i] < 1 ? small : large).push_back(static_cast<uint32_t>(i));
    }
    while (!small.empty() && !large.empty()) {
      const uint32_t low = small.back(), high = large.back();
      small.pop_back();
      slots_[low] = {threshold(weights[low]), high};
      weights[high] -= 1 - weights[low];
      if (weights[high] >= 1) continue;
      large.pop_back();
      small.push_back(high);
    }
    // What rounding left over fills its slot.
    for (const uint32_t i : large) slots_[i] = {0xffffffff, i};
    for (const uint32_t i : small) slots_[i] = {0xffffffff, i};
  }

  uint32_t draw(Stream& stream) const {
    const uint32_t slot = stream.below(static_cast<uint32_t>(slots_.size()));
    return stream.next32() < slots_[slot].threshold ? slot : slots_[slot].other;
  }

 private:
  struct Slot {
    uint32_t threshold;
    uint32_t other;
  };

  static uint32_t threshold(double share) { return static_cast<uint32_t>(share * 4294967295.0); }

  std::vector<Slot> slots_;
};

}  // namespace distgnn
