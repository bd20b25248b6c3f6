// Hints to the processor; they do nothing where the compiler has none.
#pragma once

namespace distgnn {

// Into the first cache: for a few bytes that are used soon.
inline void prefetch_for_read([[maybe_unused]] const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address, 0, 3);
#endif
}

inline void prefetch_for_write([[maybe_unused]] const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address, 1, 3);
#endif
}

// Into the second cache: for many lines at once, which would not fit the first.
inline void prefetch_far([[maybe_unused]] const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address, 0, 2);
#endif
}

}  // namespace distgnn
