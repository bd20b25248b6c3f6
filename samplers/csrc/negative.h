// Pairs of nodes without an edge, drawn at random: negatives for links.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "adjacency.h"
#include "alias.h"

namespace distgnn {

enum class NegativeKind {
  kPairs,      // both ends uniform
  kPerSource,  // the positive's source, a uniform destination
  kDegree,     // the same, destinations in proportion to a power of their in-degree
  kInBatch     // the same, destinations of the other positives of the batch
};

struct NegativeOptions {
  NegativeKind kind;
  int64_t num_negatives;  // for each positive
  bool exclude;           // never an edge, nor a node with itself
  double power;           // of in-degrees, for kDegree
  // Times; empty: none. Nodes must exist, and only edges that do are excluded.
  std::vector<const int64_t*> node_times;  // of each part of the destinations
  std::vector<const int64_t*> edge_times;  // of each part of the edges
};

// A batch of positives.
struct Positives {
  const int64_t* src;  // global ids
  const int64_t* dst;
  const int64_t* numbers;  // what tells positives of an epoch apart
  const int64_t* times;    // or null
  int64_t count;
  uint64_t key;  // of the epoch
};

class NegativeSampler {
 public:
  // `incoming`: in-edges of the type.
  NegativeSampler(Adjacency incoming, NegativeOptions options);

  // Writes num_negatives pairs for each positive. Negative j of a positive depends on the key, the
  // positive's number and j. Throws NoNegativesError if there is none.
  void sample(const Positives& positives, int64_t* src, int64_t* dst, int num_threads) const;

 private:
  struct Draw;
  void sample_block(const Positives& positives, int64_t begin, int count, int64_t* src,
                    int64_t* dst) const;
  void draw_ends(const Positives& positives, Draw& draw) const;
  bool is_allowed(const Positives& positives, const Draw& draw) const;
  void draw_among_all(const Positives& positives, Draw& draw) const;
  void draw_destination_among_all(const Positives& positives, Draw& draw, bool in_batch) const;
  void draw_pair_among_all(Draw& draw) const;
  bool is_edge(int64_t src, int64_t dst, const int64_t* time) const;
  double weight(int64_t dst) const;
  int64_t node_at(const std::vector<int64_t>& by_index, uint32_t index) const {
    return by_index.empty() ? index : by_index[index];
  }

  Adjacency incoming_;
  NegativeOptions options_;
  bool is_one_type_;
  uint32_t num_sources_, num_destinations_;
  std::vector<int64_t> sources_, destinations_;  // by index; empty: the index is the id
  std::unique_ptr<AliasTable> degrees_;
  mutable std::once_flag counted_;
  mutable std::vector<int64_t> free_before_;  // pairs without an edge, destinations by index
};

}  // namespace distgnn
