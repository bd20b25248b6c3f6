// Hints to the processor; they do nothing where the compiler has none.
#pragma once

namespace distgnn {

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

}  // namespace distgnn
