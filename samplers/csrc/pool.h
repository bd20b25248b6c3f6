// Blocks of memory that are used again: fresh memory costs a page fault every 4 KiB, which for a
// mini-batch is most of the time that loading takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace distgnn {

class BufferPool;

// Memory that goes back to its pool when the last owner lets go of it. Contents start undefined.
class Block {
 public:
  Block(std::shared_ptr<BufferPool> pool, void* data, size_t capacity)
      : pool_(std::move(pool)), data_(data), capacity_(capacity) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block();

  void* data() const { return data_; }
  size_t capacity() const { return capacity_; }

 private:
  std::shared_ptr<BufferPool> pool_;
  void* data_;
  size_t capacity_;
};

// Thread-safe. Holds what its users hold at most at one time, and a bounded number of free blocks.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  ~BufferPool();

  // A block of at least `bytes`, aligned to a cache line.
  std::shared_ptr<Block> acquire(size_t bytes);

  size_t num_free_blocks() const;
  size_t num_free_bytes() const;

 private:
  friend class Block;
  struct Memory {
    void* data;
    size_t capacity;
  };
  void give_back(void* data, size_t capacity);

  mutable std::mutex mutex_;
  std::vector<Memory> free_;  // oldest first
};

// A growing array in a pooled block; growing keeps the contents.
template <class T>
class PooledArray {
 public:
  explicit PooledArray(std::shared_ptr<BufferPool> pool) : pool_(std::move(pool)) {}

  T* data() const { return data_; }
  int64_t size() const { return size_; }
  void set_size(int64_t size) { size_ = size; }
  const std::shared_ptr<Block>& block() const { return block_; }

  // Make room for `capacity` elements in all; doubles at least, so that filling is linear.
  void reserve(int64_t capacity);

 private:
  std::shared_ptr<BufferPool> pool_;
  std::shared_ptr<Block> block_;
  T* data_ = nullptr;
  int64_t size_ = 0;
  int64_t capacity_ = 0;
};

template <class T>
void PooledArray<T>::reserve(int64_t capacity) {
  if (capacity <= capacity_) return;
  if (capacity < 2 * capacity_) capacity = 2 * capacity_;
  auto grown = pool_->acquire(static_cast<size_t>(capacity) * sizeof(T));
  T* target = static_cast<T*>(grown->data());
  for (int64_t i = 0; i < size_; ++i) target[i] = data_[i];
  block_ = std::move(grown);
  data_ = target;
  capacity_ = static_cast<int64_t>(block_->capacity() / sizeof(T));
}

}  // namespace distgnn
