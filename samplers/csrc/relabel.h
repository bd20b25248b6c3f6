// From global node ids to local ids 0, 1, 2, ... in order of first visit.
//
// Both tables stamp their slots with the generation (the batch) that wrote them, so that a new
// batch begins by counting one up and clears nothing. Both want `prefetch(id)` some time before
// `label(id)`: a slot is a cache miss as a rule.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "errors.h"
#include "memory.h"
#include "pool.h"
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

  // The local id of `id`, or -1 if it was not labelled in this batch.
  int64_t find(int64_t id) const {
    const uint64_t slot = slots_[id];
    return (slot >> 32) == generation_ ? static_cast<uint32_t>(slot) : int64_t{-1};
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

  // The local id of `id`, or -1 if it was not labelled in this batch.
  int64_t find(int64_t id) const {
    uint64_t at = home(id);
    while (slots_[at].generation == generation_) {
      if (slots_[at].id == id) return slots_[at].local;
      at = (at + 1) & mask_;
    }
    return -1;
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

// Local ids are 32 bits wide.
constexpr int64_t kMaxNodesPerBatch = 0xffffffff;
// How many ids ahead their slots are fetched.
constexpr int64_t kSlotsAhead = 96;

// Replaces global ids by local ids, appending those seen for the first time to `nodes`.
template <class Table>
void label_in_place(Table& table, int64_t* ids, int64_t count, PooledArray<int64_t>& nodes) {
  int64_t size = nodes.size();
  if (size + count > kMaxNodesPerBatch) {
    throw ArgumentError("a batch would hold more than " + std::to_string(kMaxNodesPerBatch) +
                        " nodes of a type: give fewer seeds or smaller fanouts");
  }
  nodes.reserve(size + count);
  table.reserve(count);
  int64_t* node_ids = nodes.data();
  for (int64_t i = 0; i < std::min(kSlotsAhead, count); ++i) table.prefetch(ids[i]);
  for (int64_t i = 0; i < count; ++i) {
    if (i + kSlotsAhead < count) table.prefetch(ids[i + kSlotsAhead]);
    const int64_t id = ids[i];
    const uint32_t local = table.label(id, static_cast<uint32_t>(size));
    node_ids[size] = id;
    size += local == size;
    ids[i] = local;
  }
  nodes.set_size(size);
}

}  // namespace distgnn
