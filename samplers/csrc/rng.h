// Counter-based random draws: a stream is a function of its key and nothing else.
//
// A stream is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
// OOPSLA 2014) started at a hash of its key, so word i of it is mix(start + (i + 1) * kGamma): no
// state is shared by nodes, threads or batches. Draws below a bound are unbiased by rejection
// (Lemire, "Fast random integer generation in an interval", ACM TOMACS 2019).
#pragma once

#include <cstdint>

namespace distgnn {

constexpr uint64_t kGamma = 0x9e3779b97f4a7c15;

// Stafford's variant 13 of the 64-bit finalizer of MurmurHash3: a bijection that avalanches.
inline uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// The key of `parent`'s child number `value`.
inline uint64_t derive_key(uint64_t parent, uint64_t value) {
  return mix(parent + kGamma + mix(value + kGamma));
}

class Stream {
 public:
  explicit Stream(uint64_t key = 0) : state_(key) {}

  uint64_t next64() { return mix(state_ += kGamma); }

  // Halves of one word, low half first.
  uint32_t next32() {
    if (has_half_) {
      has_half_ = false;
      return static_cast<uint32_t>(word_ >> 32);
    }
    has_half_ = true;
    word_ = next64();
    return static_cast<uint32_t>(word_);
  }

  // Uniform in [0, bound), bound >= 1.
  uint32_t below(uint32_t bound) {
    uint64_t product = static_cast<uint64_t>(next32()) * bound;
    if (static_cast<uint32_t>(product) < bound) {
      const uint32_t threshold = -bound % bound;
      while (static_cast<uint32_t>(product) < threshold) {
        product = static_cast<uint64_t>(next32()) * bound;
      }
    }
    return static_cast<uint32_t>(product >> 32);
  }

 private:
  uint64_t state_;
  uint64_t word_ = 0;
  bool has_half_ = false;
};

}  // namespace distgnn
