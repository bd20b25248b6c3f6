// Which in-edges of one node are drawn.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "rng.h"

namespace distgnn {

// Swaps of a partial Fisher-Yates shuffle of 0 ... n - 1 that is never written out: a map from slot
// to value, for many picks of one node. Cleared by counting up a generation.
class SwapMap {
 public:
  void begin(int64_t num_picks) {
    size_t size = 64;
    while (size < 4 * static_cast<size_t>(num_picks)) size *= 2;
    if (size > entries_.size() || ++generation_ == 0) {
      entries_.assign(std::max(size, entries_.size()), Entry{0, 0, 0});
      generation_ = 1;
    }
    mask_ = entries_.size() - 1;
  }

  uint32_t get(uint32_t slot) const {
    const Entry& entry = entries_[find(slot)];
    return entry.generation == generation_ ? entry.value : slot;
  }

  void set(uint32_t slot, uint32_t value) { entries_[find(slot)] = {slot, value, generation_}; }

 private:
  struct Entry {
    uint32_t slot;
    uint32_t value;
    uint32_t generation;
  };

  size_t find(uint32_t slot) const {
    size_t at = (slot * uint64_t{kGamma} >> 32) & mask_;
    while (entries_[at].generation == generation_ && entries_[at].slot != slot)
      at = (at + 1) & mask_;
    return at;
  }

  std::vector<Entry> entries_;
  size_t mask_ = 0;
  uint32_t generation_ = 0;
};

constexpr int64_t kFewPicks = 32;

// `num_picks` of 0 ... n - 1 without replacement, num_picks <= n: the first steps of a Fisher-Yates
// shuffle on the stream, so fewer picks are a prefix of more picks. Calls emit(pick).
template <class Emit>
void draw_without_replacement(Stream& stream, uint32_t n, int64_t num_picks, SwapMap& swaps,
                              const Emit& emit) {
  if (num_picks <= kFewPicks) {
    // Step t swaps slots t and swapped[t]. What pick i finds in its slot is traced back through the
    // earlier swaps: picks do not wait for one another, unlike with a table of what was swapped.
    uint32_t swapped[kFewPicks];
    const uint32_t few = static_cast<uint32_t>(num_picks);
    for (uint32_t i = 0; i < few; ++i) {
      swapped[i] = i + stream.below(n - i);
      uint32_t origin = swapped[i];
      for (uint32_t t = i; t-- > 0;) origin = origin == swapped[t] ? t : origin;
      emit(origin);
    }
    return;
  }
  swaps.begin(num_picks);
  for (uint32_t i = 0; i < num_picks; ++i) {
    const uint32_t j = i + stream.below(n - i);
    emit(swaps.get(j));
    swaps.set(j, swaps.get(i));
  }
}

template <class Emit>
void draw_with_replacement(Stream& stream, uint32_t n, int64_t num_picks, const Emit& emit) {
  for (int64_t i = 0; i < num_picks; ++i) emit(stream.below(n));
}

}  // namespace distgnn
