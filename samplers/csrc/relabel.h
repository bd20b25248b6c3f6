// From global node ids to local ids 0, 1, 2, ... in order of first visit.
//
// Both tables stamp their slots with the generation (the batch) that wrote them, so that a new
// batch begins by counting one up and clears nothing. Both want `prefetch(id)` some time before
// `label(id)`: a slot is a cache miss as a rule.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "memory.h"
#include "prefetch.h"

namespace distgnn {

// One slot for each node: 8 bytes a node, the faster one wherever that much memory is at hand.
class DirectTable {
 public:
  explicit DirectTable(int64_t num_nodes)
      : num_bytes_(round_up(sizeof(uint64_t) * static_cast<size_t>(num_nodes + 1), kHugePage)),
        pages_(allocate_pages(num_bytes_)),
        slots_(static_cast<uint64_t*>(pages_.get())) {
    clear();
  }

  void begin_batch() {
    if (++generation_ == 0) clear();
  }

  void reserve(int64_t) {}

  void prefetch(int64_t id) const { prefetch_for_write(&slots_[id]); }

  // The local id of `id`, which is `next` if it was not seen in this batch. No branch: whether a
  // node is new is a coin toss for the processor.
  uint32_t label(int64_t id, uint32_t next) {
    const uint64_t slot = slots_[id];
    const bool is_new = (slot >> 32) != generation_;
    const uint32_t local = is_new ? next : static_cast<uint32_t>(slot);
    slots_[id] = static_cast<uint64_t>(generation_) << 32 | local;
    return local;
  }

 private:
  void clear() {
    std::memset(slots_, 0, num_bytes_);
    generation_ = 1;
  }

  size_t num_bytes_;
  Pages pages_;
  uint64_t* slots_;
  uint32_t generation_ = 1;
};

// Open addressing with linear probing, at most half full: 32 bytes for each node of a batch.
class HashTable {
 public:
  HashTable() { resize(size_t{1} << 12); }

  void begin_batch() {
    num_used_ = 0;
    if (++generation_ == 0) {
      for (Slot& slot : slots_) slot.generation = 0;
      generation_ = 1;
    }
  }

  // Make room for `num_new` further nodes.
  void reserve(int64_t num_new) {
    while (2 * (num_used_ + num_new) > static_cast<int64_t>(slots_.size())) grow();
  }

  void prefetch(int64_t id) const { prefetch_for_write(&slots_[home(id)]); }

  uint32_t label(int64_t id, uint32_t next) {
    uint64_t at = home(id);
    while (slots_[at].generation == generation_) {
      if (slots_[at].id == id) return slots_[at].local;
      at = (at + 1) & mask_;
    }
    slots_[at] = {id, next, generation_};
    ++num_used_;
    return next;
  }

 private:
  struct Slot {
    int64_t id;
    uint32_t local;
    uint32_t generation;
  };

  // Fibonacci hashing: the high bits of the product.
  uint64_t home(int64_t id) const {
    return (static_cast<uint64_t>(id) * 0x9e3779b97f4a7c15) >> shift_;
  }

  void resize(size_t size) {
    slots_.assign(size, Slot{0, 0, 0});
    mask_ = size - 1;
    shift_ = 64;
    while (size >>= 1) --shift_;
  }

  void grow() {
    std::vector<Slot> old = std::move(slots_);
    resize(2 * old.size());
    num_used_ = 0;
    for (const Slot& slot : old) {
      if (slot.generation == generation_) label(slot.id, slot.local);
    }
  }

  std::vector<Slot> slots_;
  uint64_t mask_ = 0;
  int shift_ = 64;
  int64_t num_used_ = 0;
  uint32_t generation_ = 0;
};

}  // namespace distgnn
