// Which in-edges of one node are drawn where edges weigh differently.
//
// Without replacement, edges are drawn one after the other, each with a probability proportional to
// its weight among those not drawn yet. Draws with replacement that skip what was drawn already do
// just that, and cost one visit of an alias table each. Where a few heavy edges leave little else,
// the rest is drawn by exponential keys (Efraimidis and Spirakis, "Weighted random sampling with a
// reservoir", Information Processing Letters 2006), which gives the same distribution. Either way
// the first picks do not depend on how many follow.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "columns.h"
#include "draw.h"
#include "rng.h"

namespace distgnn {

// Edges drawn already that a draw may meet in a row before the keys take over.
constexpr int kMaxDuplicates = 8;

// No branch: which of the two it is, is a coin toss for the processor.
inline uint32_t draw_slot(Stream& stream, const AliasSlot* slots, uint32_t degree) {
  const uint32_t slot = stream.below(degree);
  const AliasSlot found = slots[slot];
  const uint32_t is_alias = stream.next32() >= found.threshold;
  return slot ^ ((slot ^ found.alias) & (0u - is_alias));
}

// Fetches the slots that the first `num_picks` draws of the stream visit.
inline void prefetch_slots(Stream stream, const AliasSlot* slots, uint32_t degree,
                           int64_t num_picks) {
  for (int64_t i = 0; i < num_picks; ++i) {
    prefetch_for_read(slots + stream.below(degree));
    stream.next32();
  }
}

// Draws `count` of the edges that are not in `taken` and weigh something, by exponential keys.
template <class Emit>
void draw_by_keys(uint64_t key, const float* weight, uint32_t degree, std::vector<uint32_t> taken,
                  int64_t count, const Emit& emit) {
  std::sort(taken.begin(), taken.end());
  auto next_taken = taken.begin();
  std::vector<std::pair<double, uint32_t>> keyed;
  for (uint32_t i = 0; i < degree; ++i) {
    if (next_taken != taken.end() && *next_taken == i) {
      ++next_taken;
    } else if (weight[i] > 0) {
      // Uniform in (0, 1]: its logarithm is finite.
      const double uniform = static_cast<double>((derive_key(key, i) >> 11) + 1) * 0x1p-53;
      keyed.emplace_back(-std::log(uniform) / weight[i], i);
    }
  }
  std::partial_sort(keyed.begin(), keyed.begin() + count, keyed.end());
  for (int64_t i = 0; i < count; ++i) emit(keyed[i].second);
}

template <class Emit>
void draw_many_weighted(Stream& stream, const AliasSlot* slots, const float* weight,
                        uint32_t degree, int64_t num_picks, SwapMap& seen, const Emit& emit) {
  std::vector<uint32_t> taken;
  seen.begin(num_picks);
  int num_duplicates = 0;
  while (static_cast<int64_t>(taken.size()) < num_picks) {
    if (num_duplicates == kMaxDuplicates) {
      const int64_t count = num_picks - static_cast<int64_t>(taken.size());
      return draw_by_keys(stream.next64(), weight, degree, taken, count, emit);
    }
    const uint32_t pick = draw_slot(stream, slots, degree);
    // A place that was drawn maps to another one.
    if (seen.get(pick) != pick) {
      ++num_duplicates;
      continue;
    }
    num_duplicates = 0;
    seen.set(pick, pick ^ 1u);
    taken.push_back(pick);
    emit(pick);
  }
}

// `num_picks` places without replacement, at most as many as there are positive weights.
template <class Emit>
void draw_weighted(Stream& stream, const AliasSlot* slots, const float* weight, uint32_t degree,
                   int64_t num_picks, SwapMap& seen, const Emit& emit) {
  if (num_picks > kFewPicks) {
    return draw_many_weighted(stream, slots, weight, degree, num_picks, seen, emit);
  }
  uint32_t taken[kFewPicks];
  int64_t num_taken = 0;
  int num_duplicates = 0;
  while (num_taken < num_picks) {
    if (num_duplicates == kMaxDuplicates) {
      return draw_by_keys(stream.next64(), weight, degree, {taken, taken + num_taken},
                          num_picks - num_taken, emit);
    }
    const uint32_t pick = draw_slot(stream, slots, degree);
    bool is_taken = false;
    for (int64_t i = 0; i < num_taken; ++i) is_taken |= taken[i] == pick;
    if (is_taken) {
      ++num_duplicates;
      continue;
    }
    num_duplicates = 0;
    taken[num_taken++] = pick;
    emit(pick);
  }
}

}  // namespace distgnn
