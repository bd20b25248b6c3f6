#ifndef DISTGNN_PARTITION_BUFFER_H_
#define DISTGNN_PARTITION_BUFFER_H_

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

namespace distgnn {

// Owned memory of plain values, not initialised. Shrinking returns the tail to the system without a
// copy (realloc of a large block), which std::vector cannot do.
template <typename T>
class Buffer {
  static_assert(std::is_trivially_copyable<T>::value, "Buffer holds plain values");

 public:
  Buffer() = default;
  explicit Buffer(int64_t size) { resize(size); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() { std::free(data_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  int64_t size() const { return size_; }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }

  void resize(int64_t size) {
    // At least one value, so that data() of an empty buffer is not null.
    const std::size_t bytes = static_cast<std::size_t>(size > 0 ? size : 1) * sizeof(T);
    void* moved = std::realloc(data_, bytes);
    if (moved == nullptr)
      throw std::bad_alloc();
    data_ = static_cast<T*>(moved);
    size_ = size;
    use_huge_pages(moved, bytes);
  }

  // Gives the memory up: the caller frees it with std::free.
  T* release() {
    size_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  // Kernels write all over large buffers: with pages of 4 KiB every write would miss the TLB.
  static void use_huge_pages(void* data, std::size_t bytes) {
#ifdef MADV_HUGEPAGE
    constexpr std::uintptr_t kHugePage = std::uintptr_t{1} << 21;
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(data);
    const std::uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
    const std::uintptr_t last = (begin + bytes) / kHugePage * kHugePage;
    // Advice only: where it is not taken, kernels are slower and nothing else.
    if (first < last)
      madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
  }

  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  T* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_BUFFER_H_
