// Batches over parts that other machines hold: ids go to the owners of their parts, and what the
// owners answer comes together in the order in which it was asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "gather.h"
#include "graph.h"
#include "pool.h"

namespace distgnn {

// The ids that each owner is asked for, one owner after the other, each in the order given.
struct Split {
  PooledArray<int64_t> ids;
  PooledArray<int64_t> places;  // where each of `ids` was in what was given
  std::vector<int64_t> counts;  // per owner
};

// ids: in range. owner_of_part: for each part a number from 0 to num_owners - 1.
Split split_by_owner(const Ranges& parts, const std::vector<int64_t>& owner_of_part,
                     int64_t num_owners, const int64_t* ids, int64_t count,
                     const std::shared_ptr<BufferPool>& pool);

// What one owner drew for its nodes.
struct OwnerDraws {
  int64_t num_nodes;
  const int64_t* places;     // of its nodes in the frontier, rising
  const int64_t* num_picks;  // of each node
  int64_t num_edges;
  const int64_t* sources;  // global ids, or null: those that have 32 bits
  const uint32_t* short_sources;
  const int64_t* positions;  // or null: likewise
  const uint32_t* short_positions;
};

struct MergedDraws {
  PooledArray<int64_t> num_picks;  // per node of the frontier
  PooledArray<int64_t> sources;
  PooledArray<int64_t> positions;
};

// The draws of all owners in the order of the frontier. Throws ArgumentError unless the places are
// 0 ... num_nodes - 1, each once, and the picks of each owner add up to its edges.
MergedDraws merge_draws(const std::vector<OwnerDraws>& draws, int64_t num_nodes,
                        const std::shared_ptr<BufferPool>& pool);

// Rows as they travel: float32, float16, bfloat16 or integers, each row with a factor if there are
// any.
struct EncodedRows {
  const char* data;
  Storage storage;
  const float* factors;  // or null
  int64_t size;
  int64_t dim;
};

// Writes rows[picks[i]] (rows[i] where picks is null) to target[places[i]] as float32.
void place_rows(const EncodedRows& rows, const int64_t* picks, const int64_t* places, int64_t count,
                float* target);

// Which of a fixed set of ids are at hand, and where in the set: a hash table.
class IdTable {
 public:
  IdTable(const int64_t* ids, int64_t count);

  // Writes the place of each id in the set, -1 if it is not there.
  void find(const int64_t* ids, int64_t count, int64_t* places) const;

 private:
  struct Slot {
    int64_t id;
    int64_t place;  // -1: free
  };

  // Fibonacci hashing: the high bits of the product.
  uint64_t home(int64_t id) const {
    return (static_cast<uint64_t>(id) * 0x9e3779b97f4a7c15) >> shift_;
  }

  std::vector<Slot> slots_;
  uint64_t mask_ = 0;
  int shift_ = 64;
};

}  // namespace distgnn
