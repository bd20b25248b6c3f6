#include "clusters.h"

#include <algorithm>
#include <numeric>

namespace distgnn {
namespace {

uint32_t mixed(int32_t label) {
  uint32_t x = static_cast<uint32_t>(label) * 0x9E3779B1u;
  x ^= x >> 15;
  return x * 0x85EBCA77u;
}

}  // namespace

Clusterer::Clusterer(const Weights& weights, std::vector<int64_t> capacity)
    : weights_(weights),
      capacity_(std::move(capacity)),
      labels_(weights.num_nodes),
      sizes_(weights.values, weights.values + weights.num_nodes * weights.num_constraints),
      counts_(weights.num_nodes, 0) {
  std::iota(labels_.begin(), labels_.end(), 0);
}

bool Clusterer::has_room(int32_t cluster, const int64_t* weight) const {
  const int64_t* size = sizes_.data() + static_cast<int64_t>(cluster) * weights_.num_constraints;
  for (int c = 0; c < weights_.num_constraints; ++c)
    if (size[c] + weight[c] > capacity_[c])
      return false;
  return true;
}

void Clusterer::change(int32_t cluster, const int64_t* weight, int64_t sign) {
  int64_t* size = sizes_.data() + static_cast<int64_t>(cluster) * weights_.num_constraints;
  for (int c = 0; c < weights_.num_constraints; ++c)
    size[c] += sign * weight[c];
}

int32_t Clusterer::best_cluster(const RowBlock& block, int64_t row, int64_t node) {
  touched_.clear();
  for (int64_t e = block.indptr[row]; e < block.indptr[row + 1]; ++e) {
    const int32_t label = labels_[block.indices[e]];
    if (counts_[label]++ == 0)
      touched_.push_back(label);
  }
  const int32_t own = labels_[node];
  int32_t best = own;
  int32_t most = counts_[own];
  for (const int32_t label : touched_) {
    const int32_t count = counts_[label];
    const bool better =
        count > most || (count == most && best != own && mixed(label) < mixed(best));
    if (better && label != own && has_room(label, weights_.of(node))) {
      best = label;
      most = count;
    }
  }
  for (const int32_t label : touched_)
    counts_[label] = 0;
  return best;
}

int64_t Clusterer::visit(const RowBlock& block) {
  int64_t moved = 0;
  for (int64_t i = 0; i < block.num_nodes; ++i) {
    const int64_t v = block.nodes[i];
    const int32_t best = best_cluster(block, block.row(i), v);
    if (best == labels_[v])
      continue;
    change(labels_[v], weights_.of(v), -1);
    change(best, weights_.of(v), 1);
    labels_[v] = best;
    ++moved;
  }
  return moved;
}

void add_cluster_edges(const RowBlock& block,
                       const int32_t* labels,
                       int64_t size,
                       int32_t* matrix) {
  for (int64_t i = 0; i < block.num_nodes; ++i) {
    const int32_t own = labels[block.nodes[i]];
    if (own < 0)
      continue;
    const int64_t row = block.row(i);
    for (int64_t e = block.indptr[row]; e < block.indptr[row + 1]; ++e) {
      const int32_t other = labels[block.indices[e]];
      if (other >= 0 && other != own)
        ++matrix[own * size + other];
    }
  }
}

Refiner::Refiner(const Weights& weights, const int32_t* assignment)
    : weights_(weights), loads_(weights), neighbours_in_(weights.num_parts) {
  for (int64_t v = 0; v < weights.num_nodes; ++v)
    loads_.add(assignment[v], weights.of(v));
}

int64_t Refiner::visit(const RowBlock& block, int32_t* assignment) {
  int64_t moved = 0;
  for (int64_t i = 0; i < block.num_nodes; ++i) {
    std::fill(neighbours_in_.begin(), neighbours_in_.end(), 0);
    const int64_t row = block.row(i);
    for (int64_t e = block.indptr[row]; e < block.indptr[row + 1]; ++e)
      ++neighbours_in_[assignment[block.indices[e]]];
    const int64_t v = block.nodes[i];
    const int64_t* weight = weights_.of(v);
    const int32_t own = assignment[v];
    loads_.remove(own, weight);
    int32_t best = loads_.has_room(own, weight) ? own : -1;
    for (int32_t p = 0; p < weights_.num_parts; ++p) {
      if (p == own || !loads_.has_room(p, weight))
        continue;
      const bool better =
          best < 0 || neighbours_in_[p] > neighbours_in_[best] ||
          (best != own && neighbours_in_[p] == neighbours_in_[best] &&
           loads_.relative(p) < loads_.relative(best));
      if (better)
        best = p;
    }
    best = best < 0 ? own : best;
    loads_.add(best, weight);
    assignment[v] = best;
    moved += best != own;
  }
  return moved;
}

}  // namespace distgnn
