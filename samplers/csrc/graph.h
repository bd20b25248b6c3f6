// Views of the locally open parts of a graph. Memory belongs to whoever made them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "memory.h"

namespace distgnn {

// The contiguous ranges of global ids (of nodes, or positions of edges) that parts own.
class Ranges {
 public:
  // `offsets`: part p owns offsets[p] ... offsets[p + 1] - 1.
  explicit Ranges(std::vector<int64_t> offsets) : offsets_(std::move(offsets)) {}

  int64_t num_parts() const { return static_cast<int64_t>(offsets_.size()) - 1; }
  int64_t size() const { return offsets_.back(); }
  int64_t begin(int64_t part) const { return offsets_[part]; }
  int64_t end(int64_t part) const { return offsets_[part + 1]; }

  // The part that owns `id`, 0 <= id < size(). Few parts are counted through without a branch.
  int64_t part_of(int64_t id) const {
    const int64_t num_inner = num_parts() - 1;
    if (num_inner <= 16) {
      int64_t part = 0;
      for (int64_t p = 1; p <= num_inner; ++p) part += id >= offsets_[p];
      return part;
    }
    return std::upper_bound(offsets_.begin() + 1, offsets_.end() - 1, id) - offsets_.begin() - 1;
  }

 private:
  std::vector<int64_t> offsets_;
};

struct NodeSet {
  Ranges owned;
  std::vector<const int64_t*> index;  // per part: the raw row of each owned node, null if not open
};

// Where the in-edges of a node begin, beside its index: one cache line for both.
struct RowStart {
  int64_t begin;
  int64_t index;
};

// The in-edges of the nodes that a part owns, either as they are mapped or as a copy that takes a
// third of the cache lines and page translations to visit: 32-bit sources and row starts in memory
// of huge pages. Of a part that is not open here only their number is known.
struct EdgePart {
  int64_t num_edges;
  const int64_t* indptr;   // [owned destinations + 1]
  const int64_t* src;      // [num_edges], global ids
  const RowStart* starts;  // [owned destinations + 1], or null: not copied
  const uint32_t* short_src;

  bool is_open() const { return indptr != nullptr; }
};

struct EdgeSet {
  int src_type;
  int dst_type;
  uint64_t key;  // stable hash of the edge type's name
  std::vector<EdgePart> parts;
  std::vector<int64_t> first_edge;  // per part: the position of its first edge among all edges
  bool is_copied = false;
};

struct Graph {
  std::vector<NodeSet> nodes;
  std::vector<EdgeSet> edges;
  std::vector<Pages> pages;  // of the copies
};

// Draws are 32 bits wide.
constexpr int64_t kMaxDegree = 0xffffffff;

[[noreturn]] void throw_corrupt(const std::string& what);
[[noreturn]] void throw_bad_source(const int64_t* sources, int64_t count, int64_t num_nodes);
[[noreturn]] void throw_bad_row(const EdgePart& part, int64_t local);

// Throws ShardCorruptError if the in-edges of an owned node are not edges of the part.
inline void check_row(const EdgePart& part, int64_t local) {
  const int64_t begin = part.indptr[local];
  const int64_t end = part.indptr[local + 1];
  if (begin < 0 || end < begin || end > part.num_edges || end - begin > kMaxDegree) {
    throw_bad_row(part, local);
  }
}

// Copies the in-edges of all types whose source ids have 32 bits, checking them on the way. Throws
// ShardCorruptError if they point outside the graph.
void copy_edges(Graph& graph, int num_threads);

}  // namespace distgnn
