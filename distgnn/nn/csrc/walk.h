// Random walks. Which way walk i goes depends on the key and i, not on threads.
#pragma once

#include <cstdint>
#include <vector>

namespace distgnn {

// The out-edges of a range of nodes: node first + r leads to indices[indptr[r] .. indptr[r + 1]].
struct Relation {
  const int64_t* indptr;
  const int64_t* indices;
  int64_t num_rows;
  int64_t first;
};

// Walks lie step by step: node s of walk i at out[s * num_walks + i], s = 0 .. num_steps.
struct Walks {
  const int64_t* start;
  int64_t num_walks;
  int64_t num_steps;
  uint64_t key;
  int64_t* out;
};

// A walk without an edge to go on stays where it is.
constexpr int64_t kStay = -1;

// Step s picks an edge of relations[s % relations.size()], each with the same chance. A walk
// without one goes to the node `dead_end` and stays there, or stays where it is for kStay.
// Returns false if a walk meets a node that the relation of its next step does not hold.
bool walk(const std::vector<Relation>& relations, const Walks& walks, int64_t dead_end, int num_threads);

// Nodes first .. first + count - 1.
struct NodeRange {
  int64_t first;
  uint32_t count;
};

// "Walks" that go anywhere: node s > 0 is any of ranges[s % ranges.size()], each with the same chance.
void random_nodes(const std::vector<NodeRange>& ranges, const Walks& walks, int num_threads);

// Node2vec: having come from t to v, an edge to x weighs 1 / p if x = t, 1 if there is an edge from
// t to x, and else 1 / q (Grover and Leskovec 2016). The indices of each row must ascend.
bool biased_walk(const Relation& relation, const Walks& walks, double p, double q, int num_threads);

}  // namespace distgnn
