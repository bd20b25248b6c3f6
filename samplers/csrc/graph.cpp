#include "graph.h"

#include <string>

#include "errors.h"
#include "parallel.h"

namespace distgnn {
namespace {

constexpr int64_t kItemsPerChunk = 1 << 16;

template <class T>
T* new_array(Graph& graph, int64_t size) {
  const size_t bytes = static_cast<size_t>(std::max<int64_t>(size, 1)) * sizeof(T);
  graph.pages.emplace_back(allocate_pages(round_up(bytes, page_unit(bytes))));
  return static_cast<T*>(graph.pages.back().get());
}

void copy_part(Graph& graph, EdgePart& part, const int64_t* index, int64_t num_dst,
               int64_t num_src_nodes, int num_threads) {
  RowStart* const starts = new_array<RowStart>(graph, num_dst + 1);
  parallel_chunks(num_threads, num_dst, kItemsPerChunk, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      check_row(part, i);
      starts[i] = {part.indptr[i], index[i]};
    }
  });
  starts[num_dst] = {part.indptr[num_dst], 0};
  uint32_t* const short_src = new_array<uint32_t>(graph, part.num_edges);
  parallel_chunks(num_threads, part.num_edges, kItemsPerChunk, [&](int64_t from, int64_t to) {
    bool in_range = true;
    for (int64_t i = from; i < to; ++i) {
      in_range &= static_cast<uint64_t>(part.src[i]) < static_cast<uint64_t>(num_src_nodes);
      short_src[i] = static_cast<uint32_t>(part.src[i]);
    }
    if (!in_range) throw_bad_source(part.src + from, to - from, num_src_nodes);
  });
  part.starts = starts;
  part.short_src = short_src;
}

}  // namespace

void throw_corrupt(const std::string& what) {
  throw ShardCorruptError(what +
                          ": a shard file is damaged; run `distgnn verify` on the graph, and "
                          "partition it again or copy it again");
}

void throw_bad_source(const int64_t* sources, int64_t count, int64_t num_nodes) {
  const int64_t* const bad =
      std::find_if(sources, sources + count, [&](int64_t id) { return id < 0 || id >= num_nodes; });
  throw_corrupt("an edge comes from node " + std::to_string(*bad) + " of " +
                std::to_string(num_nodes));
}

void throw_bad_row(const EdgePart& part, int64_t local) {
  throw_corrupt("the in-edges of a part's node " + std::to_string(local) + " are the edges " +
                std::to_string(part.indptr[local]) + " to " +
                std::to_string(part.indptr[local + 1]) + " of " + std::to_string(part.num_edges));
}

void copy_edges(Graph& graph, int num_threads) {
  for (EdgeSet& edges : graph.edges) {
    const int64_t num_src_nodes = graph.nodes[edges.src_type].owned.size();
    if (num_src_nodes > int64_t{1} << 32) continue;
    const NodeSet& destinations = graph.nodes[edges.dst_type];
    for (size_t p = 0; p < edges.parts.size(); ++p) {
      if (!edges.parts[p].is_open()) continue;
      const int64_t num_dst = destinations.owned.end(p) - destinations.owned.begin(p);
      copy_part(graph, edges.parts[p], destinations.index[p], num_dst, num_src_nodes, num_threads);
    }
    edges.is_copied = true;
  }
}

}  // namespace distgnn
