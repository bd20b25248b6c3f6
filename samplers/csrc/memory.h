// Large allocations on huge pages where the system has them: random access to 4 KiB pages misses
// the TLB on nearly every visit.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace distgnn {

constexpr size_t kCacheLine = 64;
constexpr size_t kHugePage = size_t{1} << 21;

// The alignment, and the unit of size, of an allocation of `bytes`.
inline size_t page_unit(size_t bytes) {
  return bytes >= kHugePage ? kHugePage : kCacheLine;
}

// Uninitialised memory of `bytes`, a multiple of page_unit(bytes); freed by std::free.
inline void* allocate_pages(size_t bytes) {
  void* data = std::aligned_alloc(page_unit(bytes), bytes);
  if (data == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return data;
}

struct Free {
  void operator()(void* data) const { std::free(data); }
};
using Pages = std::unique_ptr<void, Free>;

inline size_t round_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace distgnn
