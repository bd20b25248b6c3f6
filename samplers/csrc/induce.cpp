#include "induce.h"

#include <algorithm>
#include <string>

#include "errors.h"
#include "parallel.h"
#include "prefetch.h"

namespace distgnn {
namespace {

constexpr int64_t kRowsPerChunk = 512;
constexpr int64_t kEdgesPerBlock = 256;
constexpr int64_t kLookahead = 32;
// Local ids are 32 bits wide.
constexpr int64_t kMaxNodes = 0xffffffff;

// What a thread keeps of the in-edges of a chunk of rows.
struct Kept {
  std::vector<int64_t> indices;
  std::vector<int64_t> position;
  int64_t size = 0;

  void reserve(int64_t num_more) {
    const size_t needed = static_cast<size_t>(size + num_more);
    if (needed <= indices.size()) return;
    indices.resize(std::max(needed, 2 * indices.size()));
    position.resize(indices.size());
  }
};

// Appends the edges from labelled sources. No branch on whether a source is labelled: finds of
// different edges then overlap.
template <class Id, class Table>
void keep_row(const InEdges& row, const Table& table, int64_t num_src_nodes, Kept& kept) {
  const Id* const src = static_cast<const Id*>(row.src);
  for (int64_t begin = 0; begin < row.degree; begin += kEdgesPerBlock) {
    const int64_t end = std::min(begin + kEdgesPerBlock, row.degree);
    bool in_range = true;
    for (int64_t i = begin; i < end; ++i) {
      in_range &= static_cast<uint64_t>(src[i]) < static_cast<uint64_t>(num_src_nodes);
    }
    if (!in_range) {
      const std::vector<int64_t> sources(src + begin, src + end);
      throw_bad_source(sources.data(), end - begin, num_src_nodes);
    }
    for (int64_t i = begin; i < end; ++i) table.prefetch(src[i]);
    kept.reserve(end - begin);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t local = table.find(src[i]);
      kept.indices[kept.size] = local;
      kept.position[kept.size] = row.position + i;
      kept.size += local >= 0;
    }
  }
}

void prefetch_row(const EdgeSet& edges, const NodeSet& nodes, int64_t id) {
  const int64_t part = nodes.owned.part_of(id);
  const int64_t local = id - nodes.owned.begin(part);
  if (edges.is_copied) {
    prefetch_for_read(edges.parts[part].starts + local);
  } else {
    prefetch_for_read(edges.parts[part].indptr + local);
  }
}

// Joins the chunks: `ends` holds at row i + 1 the number of edges kept in its chunk up to row i.
void join(const std::vector<Kept>& chunks, int64_t num_rows, InducedEdges& out) {
  int64_t first = 0;
  for (size_t chunk = 0; chunk < chunks.size(); ++chunk) {
    const Kept& kept = chunks[chunk];
    const int64_t begin = static_cast<int64_t>(chunk) * kRowsPerChunk;
    const int64_t end = std::min(begin + kRowsPerChunk, num_rows);
    for (int64_t row = begin; row < end; ++row) out.indptr.data()[row + 1] += first;
    std::copy_n(kept.indices.data(), kept.size, out.indices.data() + first);
    std::copy_n(kept.position.data(), kept.size, out.position.data() + first);
    first += kept.size;
  }
}

}  // namespace

InEdges in_edges(const EdgeSet& edges, const NodeSet& destinations, int64_t id) {
  const int64_t part_number = destinations.owned.part_of(id);
  const int64_t local = id - destinations.owned.begin(part_number);
  const EdgePart& part = edges.parts[part_number];
  if (edges.is_copied) {
    const int64_t begin = part.starts[local].begin;
    return {part.short_src + begin, part.starts[local + 1].begin - begin,
            edges.first_edge[part_number] + begin};
  }
  check_row(part, local);
  const int64_t begin = part.indptr[local];
  return {part.src + begin, part.indptr[local + 1] - begin,
          edges.first_edge[part_number] + begin};
}

Inducer::Inducer(std::shared_ptr<const Graph> graph, int64_t max_table_bytes)
    : graph_(std::move(graph)),
      max_table_bytes_(max_table_bytes),
      pool_(std::make_shared<BufferPool>()) {}

std::unique_ptr<Inducer::Tables> Inducer::borrow_tables() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!tables_.empty()) {
      auto tables = std::move(tables_.back());
      tables_.pop_back();
      return tables;
    }
  }
  auto tables = std::make_unique<Tables>();
  tables->reserve(graph_->nodes.size());
  for (const NodeSet& nodes : graph_->nodes) {
    if (nodes.owned.size() <= max_table_bytes_ / 8) {
      tables->emplace_back(std::in_place_type<DirectTable>, nodes.owned.size());
    } else {
      tables->emplace_back(std::in_place_type<HashTable>);
    }
  }
  return tables;
}

void Inducer::label(const std::vector<IdSpan>& nodes, Tables& tables) const {
  for (size_t type = 0; type < nodes.size(); ++type) {
    const IdSpan span = nodes[type];
    if (span.size > kMaxNodes) {
      throw ArgumentError("a subgraph of " + std::to_string(span.size) +
                          " nodes of a type is too large: at most " + std::to_string(kMaxNodes));
    }
    std::visit(
        [&](auto& table) {
          table.begin_batch();
          table.reserve(span.size);
          for (int64_t i = 0; i < span.size; ++i) {
            if (i + kLookahead < span.size) table.prefetch(span.ids[i + kLookahead]);
            if (table.label(span.ids[i], static_cast<uint32_t>(i)) != i) {
              throw ArgumentError("nodes hold " + std::to_string(span.ids[i]) +
                                  " more than once: give each node once (numpy.unique)");
            }
          }
        },
        tables[type]);
  }
}

InducedEdges Inducer::edges_between(const EdgeSet& edges, IdSpan destinations,
                                    const Tables& tables, int num_threads) const {
  const NodeSet& dst_nodes = graph_->nodes[edges.dst_type];
  const int64_t num_src_nodes = graph_->nodes[edges.src_type].owned.size();
  const int64_t num_rows = destinations.size;
  InducedEdges out{PooledArray<int64_t>(pool_), PooledArray<int64_t>(pool_),
                   PooledArray<int64_t>(pool_)};
  out.indptr.reserve(num_rows + 1);
  out.indptr.set_size(num_rows + 1);
  int64_t* const ends = out.indptr.data();
  ends[0] = 0;
  std::vector<Kept> chunks(static_cast<size_t>((num_rows + kRowsPerChunk - 1) / kRowsPerChunk));
  const auto num_chunks = static_cast<int64_t>(chunks.size());
  const auto keep_chunk = [&](int64_t number, const auto& table) {
    Kept& kept = chunks[number];
    const int64_t last = std::min((number + 1) * kRowsPerChunk, num_rows);
    for (int64_t row = number * kRowsPerChunk; row < last; ++row) {
      if (row + kLookahead < last) prefetch_row(edges, dst_nodes, destinations.ids[row + kLookahead]);
      const InEdges found = in_edges(edges, dst_nodes, destinations.ids[row]);
      if (edges.is_copied) {
        keep_row<uint32_t>(found, table, num_src_nodes, kept);
      } else {
        keep_row<int64_t>(found, table, num_src_nodes, kept);
      }
      ends[row + 1] = kept.size;
    }
  };
  parallel_chunks(num_threads, num_chunks, 1, [&](int64_t from, int64_t to) {
    std::visit(
        [&](const auto& table) {
          for (int64_t number = from; number < to; ++number) keep_chunk(number, table);
        },
        tables[edges.src_type]);
  });
  int64_t num_edges = 0;
  for (const Kept& kept : chunks) num_edges += kept.size;
  for (PooledArray<int64_t>* array : {&out.indices, &out.position}) {
    array->reserve(std::max<int64_t>(num_edges, 1));
    array->set_size(num_edges);
  }
  join(chunks, num_rows, out);
  return out;
}

std::vector<InducedEdges> Inducer::induce(const std::vector<IdSpan>& nodes, int num_threads) {
  auto tables = borrow_tables();
  label(nodes, *tables);
  std::vector<InducedEdges> found;
  found.reserve(graph_->edges.size());
  for (const EdgeSet& edges : graph_->edges) {
    found.push_back(edges_between(edges, nodes[edges.dst_type], *tables, num_threads));
  }
  std::lock_guard<std::mutex> lock(mutex_);
  tables_.push_back(std::move(tables));
  return found;
}

}  // namespace distgnn
