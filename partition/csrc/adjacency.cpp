#include "adjacency.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace distgnn {
namespace {

void check_row(const char* name, int64_t row, int64_t num_rows, int64_t edge) {
  if (row >= 0 && row < num_rows)
    return;
  throw std::invalid_argument(std::string(name) + "[" + std::to_string(edge) +
                              "] = " + std::to_string(row) + " is no row of a node table with " +
                              std::to_string(num_rows) + " rows");
}

// Adds the degree of node v to degrees[v + 1].
void count_degrees(const EdgeBlock& block, int64_t* degrees) {
  for (int64_t e = 0; e < block.num_edges; ++e) {
    check_row("src", block.src[e], block.num_src, e);
    check_row("dst", block.dst[e], block.num_dst, e);
    const int64_t u = block.src_first + block.src[e];
    const int64_t v = block.dst_first + block.dst[e];
    if (u == v)
      continue;
    ++degrees[u + 1];
    ++degrees[v + 1];
  }
}

// Writes both directions of every edge; next[v] is where the next neighbour of v goes, before
// indptr[v + 1].
void scatter(const EdgeBlock& block, const int64_t* indptr, int64_t* next, int32_t* indices) {
  for (int64_t e = 0; e < block.num_edges; ++e) {
    const int64_t u = block.src_first + block.src[e];
    const int64_t v = block.dst_first + block.dst[e];
    if (u == v)
      continue;
    if (next[u] == indptr[u + 1] || next[v] == indptr[v + 1])
      throw std::invalid_argument("edge " + std::to_string(e) + " was not counted before");
    indices[next[u]++] = static_cast<int32_t>(v);
    indices[next[v]++] = static_cast<int32_t>(u);
  }
}

// Keeps the first occurrence of every neighbour, in place. A stamp per node costs one access an
// entry, which is several times cheaper than sorting the rows.
void merge_duplicates(Adjacency* adjacency, int64_t num_nodes) {
  std::vector<int32_t> last_seen_by(num_nodes, -1);
  int64_t* indptr = adjacency->indptr.data();
  int32_t* indices = adjacency->indices.data();
  int64_t kept = 0;
  for (int64_t v = 0, begin = 0; v < num_nodes; ++v) {
    const int64_t end = indptr[v + 1];
    for (int64_t i = begin; i < end; ++i) {
      const int32_t u = indices[i];
      if (last_seen_by[u] == static_cast<int32_t>(v))
        continue;
      last_seen_by[u] = static_cast<int32_t>(v);
      indices[kept++] = u;
    }
    begin = end;
    indptr[v + 1] = kept;
  }
  adjacency->indices.resize(kept);
}

}  // namespace

AdjacencyBuilder::AdjacencyBuilder(int64_t num_nodes) : num_nodes_(num_nodes) {
  if (num_nodes < 0 || num_nodes > std::numeric_limits<int32_t>::max())
    throw std::invalid_argument("num_nodes = " + std::to_string(num_nodes) +
                                " is not between 0 and 2^31 - 1");
  adjacency_.indptr.resize(num_nodes + 1);
  std::fill(adjacency_.indptr.data(), adjacency_.indptr.data() + num_nodes + 1, 0);
}

void AdjacencyBuilder::count(const EdgeBlock& block) {
  count_degrees(block, adjacency_.indptr.data());
}

void AdjacencyBuilder::start() {
  int64_t* indptr = adjacency_.indptr.data();
  for (int64_t v = 0; v < num_nodes_; ++v)
    indptr[v + 1] += indptr[v];
  adjacency_.indices.resize(indptr[num_nodes_]);
  next_.assign(indptr, indptr + num_nodes_);
}

void AdjacencyBuilder::scatter(const EdgeBlock& block) {
  for (int64_t e = 0; e < block.num_edges; ++e) {
    check_row("src", block.src[e], block.num_src, e);
    check_row("dst", block.dst[e], block.num_dst, e);
  }
  distgnn::scatter(block, adjacency_.indptr.data(), next_.data(), adjacency_.indices.data());
}

Adjacency AdjacencyBuilder::finish() {
  std::vector<int64_t>().swap(next_);
  merge_duplicates(&adjacency_, num_nodes_);
  return std::move(adjacency_);
}

Adjacency build_adjacency(const std::vector<EdgeBlock>& blocks, int64_t num_nodes) {
  AdjacencyBuilder builder(num_nodes);
  for (const EdgeBlock& block : blocks)
    builder.count(block);
  builder.start();
  for (const EdgeBlock& block : blocks)
    builder.scatter(block);
  return builder.finish();
}

}  // namespace distgnn
