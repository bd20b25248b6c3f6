// Views of the locally open parts of a graph. Memory belongs to whoever made them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

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
  std::vector<const int64_t*> index;  // per part: the row in the raw table of each owned node
};

struct EdgePart {
  const int64_t* indptr;  // [owned destinations + 1]
  const int64_t* src;     // [num_edges], global ids
  int64_t num_edges;
};

struct EdgeSet {
  int src_type;
  int dst_type;
  uint64_t key;                       // stable hash of the edge type's name
  std::vector<EdgePart> parts;
  std::vector<int64_t> first_edge;    // per part: the position of its first edge among all edges
};

struct Graph {
  std::vector<NodeSet> nodes;
  std::vector<EdgeSet> edges;
};

}  // namespace distgnn
