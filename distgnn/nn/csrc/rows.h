// Arithmetic on feature rows, and the compiler hints that make it fast.
#pragma once

#include <algorithm>
#include <cstdint>

// One copy of a function per instruction set, chosen when the library is loaded. The row functions
// below are inlined into such a function and so compiled once for each.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DISTGNN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISTGNN_CLONES
#endif
#define DISTGNN_INLINE inline __attribute__((always_inline))

namespace distgnn {

// Rows fetched ahead of the one in work, and bytes of each: the rest follows by itself.
constexpr int64_t kRowsAhead = 6;
constexpr int64_t kMaxBytesAhead = 1024;

template <class T>
DISTGNN_INLINE void prefetch_row(const T* row, int64_t size) {
  const char* begin = reinterpret_cast<const char*>(row);
  const int64_t bytes = std::min<int64_t>(size * static_cast<int64_t>(sizeof(T)), kMaxBytesAhead);
  for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(begin + at);
}

template <class T>
DISTGNN_INLINE void add(T* __restrict out, const T* __restrict row, int64_t size) {
  for (int64_t k = 0; k < size; ++k) out[k] += row[k];
}

template <class T>
DISTGNN_INLINE void add_scaled(T* __restrict out, const T* __restrict row, T factor, int64_t size) {
  for (int64_t k = 0; k < size; ++k) out[k] += factor * row[k];
}

template <class T>
DISTGNN_INLINE void scale(T* __restrict out, T factor, int64_t size) {
  for (int64_t k = 0; k < size; ++k) out[k] *= factor;
}

// Sums in 16 lanes: the order of additions is fixed, so that compilers may vectorise it.
template <class T>
DISTGNN_INLINE T dot(const T* __restrict a, const T* __restrict b, int64_t size) {
  constexpr int64_t kLanes = 16;
  T lanes[kLanes] = {};
  int64_t k = 0;
  for (; k + kLanes <= size; k += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[k + lane] * b[k + lane];
  }
  T sum = 0;
  for (; k < size; ++k) sum += a[k] * b[k];
  for (int64_t lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

}  // namespace distgnn
