#include "pool.h"

#include <cstdlib>

#include "memory.h"

namespace distgnn {
namespace {

// Beyond this many the oldest free block is freed: sizes drift from batch to batch.
constexpr size_t kMaxFreeBlocks = 64;

}  // namespace

Block::~Block() {
  pool_->give_back(data_, capacity_);
}

BufferPool::~BufferPool() {
  for (const Memory& memory : free_) std::free(memory.data);
}

std::shared_ptr<Block> BufferPool::acquire(size_t bytes) {
  Memory found{nullptr, 0};
  {
    std::lock_guard<std::mutex> lock(mutex_);
    // The smallest that fits, unless most of it would lie idle.
    size_t best = free_.size();
    for (size_t i = 0; i < free_.size(); ++i) {
      const size_t capacity = free_[i].capacity;
      if (capacity < bytes || capacity / 4 > bytes + kHugePage) continue;
      if (best == free_.size() || capacity < free_[best].capacity) best = i;
    }
    if (best != free_.size()) {
      found = free_[best];
      free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(best));
    }
  }
  if (found.data == nullptr) {
    // An eighth more than asked, so that the next batch, a little larger, fits as well.
    const size_t roomy = bytes + bytes / 8 + kCacheLine;
    const size_t capacity = round_up(roomy, page_unit(roomy));
    found = {allocate_pages(capacity), capacity};
  }
  return std::make_shared<Block>(shared_from_this(), found.data, found.capacity);
}

void BufferPool::give_back(void* data, size_t capacity) {
  void* surplus = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back({data, capacity});
    if (free_.size() > kMaxFreeBlocks) {
      surplus = free_.front().data;
      free_.erase(free_.begin());
    }
  }
  std::free(surplus);
}

size_t BufferPool::num_free_blocks() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return free_.size();
}

size_t BufferPool::num_free_bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  size_t bytes = 0;
  for (const Memory& memory : free_) bytes += memory.capacity;
  return bytes;
}

}  // namespace distgnn
