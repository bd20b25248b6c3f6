#include "neighbor.h"

#include <algorithm>
#include <string>

#include "errors.h"
#include "parallel.h"
#include "prefetch.h"

namespace distgnn {
namespace {

// How many nodes ahead their entries are fetched, and how many edges of a block are in flight at
// once: enough to keep every miss buffer of a core busy, few enough to stay in its first cache.
constexpr int64_t kLookahead = 96;
constexpr int64_t kEdgesPerBlock = 512;
// Chunks that threads take at a time within a batch.
constexpr int64_t kNodesPerChunk = 1024;
// Local ids are 32 bits wide.
constexpr int64_t kMaxNodesPerBatch = 0xffffffff;

void prefetch_row(const EdgeSet& edges, const NodeSet& nodes, int64_t id) {
  const int64_t part = nodes.owned.part_of(id);
  const int64_t local = id - nodes.owned.begin(part);
  if (edges.is_copied) {
    prefetch_for_read(edges.parts[part].starts + local);
  } else {
    prefetch_for_read(edges.parts[part].indptr + local);
    prefetch_for_read(nodes.index[part] + local);
  }
}

Row find_row(const EdgeSet& edges, const NodeSet& nodes, int64_t id, int64_t fanout, bool replace) {
  const int64_t part_number = nodes.owned.part_of(id);
  const int64_t local = id - nodes.owned.begin(part_number);
  const EdgePart& part = edges.parts[part_number];
  Row row;
  int64_t begin;
  if (edges.is_copied) {
    begin = part.starts[local].begin;
    row.degree = part.starts[local + 1].begin - begin;
    row.index = part.starts[local].index;
    row.src = part.short_src + begin;
  } else {
    check_row(part, local);
    begin = part.indptr[local];
    row.degree = part.indptr[local + 1] - begin;
    row.index = nodes.index[part_number][local];
    row.src = part.src + begin;
  }
  row.position = edges.first_edge[part_number] + begin;
  row.num_picks = row.degree;
  if (fanout != kAllNeighbors && row.degree > 0) {
    row.num_picks = replace ? fanout : std::min(fanout, row.degree);
  }
  row.first_pick = 0;
  return row;
}

// Writes the position of each pick to `positions` and the address of its source to `sources`.
template <class Id>
void draw_row(const Row& row, uint64_t key, bool all, bool replace, SwapMap& swaps,
              int64_t* positions, const Id** sources) {
  const Id* const src = static_cast<const Id*>(row.src);
  auto emit = [&](int64_t pick) {
    prefetch_for_read(src + pick);
    *positions++ = row.position + pick;
    *sources++ = src + pick;
  };
  if (all || (!replace && row.num_picks == row.degree)) {
    for (int64_t pick = 0; pick < row.degree; ++pick) emit(pick);
    return;
  }
  if (row.degree == 0) return;
  Stream stream(derive_key(key, static_cast<uint64_t>(row.index)));
  const uint32_t degree = static_cast<uint32_t>(row.degree);
  if (replace) {
    draw_with_replacement(stream, degree, row.num_picks, emit);
  } else {
    draw_without_replacement(stream, degree, row.num_picks, swaps, emit);
  }
}

// Reads the sources that `addresses` point to. Mapped ids are checked once here, so that a damaged
// shard cannot make a table be written outside its bounds; copied ones were checked before.
template <class Id>
void read_sources(const Id* const* addresses, int64_t count, int64_t num_nodes, int64_t* ids) {
  bool in_range = true;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t id = *addresses[i];
    in_range &= static_cast<uint64_t>(id) < static_cast<uint64_t>(num_nodes);
    ids[i] = id;
  }
  if (!in_range) throw_bad_source(ids, count, num_nodes);
}

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
  for (int64_t i = 0; i < std::min(kLookahead, count); ++i) table.prefetch(ids[i]);
  for (int64_t i = 0; i < count; ++i) {
    if (i + kLookahead < count) table.prefetch(ids[i + kLookahead]);
    const int64_t id = ids[i];
    const uint32_t local = table.label(id, static_cast<uint32_t>(size));
    node_ids[size] = id;
    size += local == size;
    ids[i] = local;
  }
  nodes.set_size(size);
}

// Draws the picks of rows[0 ... count) into the output arrays, from rows[0].first_pick on.
template <class Id>
void draw_rows(const Row* rows, int64_t count, uint64_t key, int64_t fanout, bool replace,
               int64_t num_src_nodes, SampledEdges& out) {
  thread_local SwapMap swaps;
  thread_local std::vector<const Id*> addresses;
  int64_t* const positions = out.position.data();
  int64_t* const indices = out.indices.data();
  for (int64_t begin = 0; begin < count;) {
    int64_t end = begin + 1;
    int64_t num_picks = rows[begin].num_picks;
    while (end < count && num_picks + rows[end].num_picks <= kEdgesPerBlock) {
      num_picks += rows[end++].num_picks;
    }
    if (static_cast<int64_t>(addresses.size()) < num_picks) addresses.resize(num_picks);
    const int64_t first = rows[begin].first_pick;
    for (int64_t i = begin; i < end; ++i) {
      draw_row(rows[i], key, fanout == kAllNeighbors, replace, swaps,
               positions + rows[i].first_pick, addresses.data() + (rows[i].first_pick - first));
    }
    read_sources(addresses.data(), num_picks, num_src_nodes, indices + first);
    begin = end;
  }
}

uint64_t batch_key(const Request& request, uint64_t edge_type_key) {
  uint64_t key = derive_key(0, request.seed);
  key = derive_key(key, request.epoch);
  key = derive_key(key, request.batch);
  return derive_key(key, edge_type_key);
}

}  // namespace

NeighborSampler::NeighborSampler(std::shared_ptr<const Graph> graph, SamplerOptions options)
    : graph_(std::move(graph)),
      options_(std::move(options)),
      pool_(std::make_shared<BufferPool>()) {
  for (const auto& fanouts : options_.fanouts) num_hops_ = std::max(num_hops_, fanouts.size());
}

std::unique_ptr<Workspace> NeighborSampler::borrow_workspace() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!workspaces_.empty()) {
      auto workspace = std::move(workspaces_.back());
      workspaces_.pop_back();
      return workspace;
    }
  }
  auto workspace = std::make_unique<Workspace>();
  workspace->num_nodes.resize(graph_->nodes.size());
  workspace->num_edges.resize(graph_->edges.size());
  workspace->tables.reserve(graph_->nodes.size());
  for (const NodeSet& nodes : graph_->nodes) {
    const int64_t num_nodes = nodes.owned.size();
    if (num_nodes <= options_.max_table_bytes / 8) {
      workspace->tables.emplace_back(std::in_place_type<DirectTable>, num_nodes);
    } else {
      workspace->tables.emplace_back(std::in_place_type<HashTable>);
    }
  }
  return workspace;
}

void NeighborSampler::give_back(std::unique_ptr<Workspace> workspace, const Sample& sample) {
  for (size_t i = 0; i < sample.nodes.size(); ++i)
    workspace->num_nodes[i] = sample.nodes[i].ids.size();
  for (size_t i = 0; i < sample.edges.size(); ++i)
    workspace->num_edges[i] = sample.edges[i].indices.size();
  std::lock_guard<std::mutex> lock(mutex_);
  workspaces_.push_back(std::move(workspace));
}

void NeighborSampler::add_seeds(const Request& request, Workspace& workspace,
                                Sample& sample) const {
  for (size_t type = 0; type < graph_->nodes.size(); ++type) {
    const Seeds& seeds = request.seeds[type];
    PooledArray<int64_t>& ids = sample.nodes[type].ids;
    ids.reserve(std::max<int64_t>(seeds.size, 1));
    std::visit(
        [&](auto& table) {
          table.reserve(seeds.size);
          for (int64_t i = 0; i < seeds.size; ++i) {
            if (table.label(seeds.ids[i], static_cast<uint32_t>(i)) != i) {
              throw ArgumentError("seeds hold node " + std::to_string(seeds.ids[i]) +
                                  " more than once: give each node once (numpy.unique)");
            }
            ids.data()[i] = seeds.ids[i];
          }
        },
        workspace.tables[type]);
    ids.set_size(seeds.size);
    sample.nodes[type].num_per_hop.push_back(seeds.size);
  }
}

void NeighborSampler::expand(size_t edge_type, size_t hop, Frontier frontier,
                             const Request& request, Workspace& workspace, Sample& sample) const {
  const EdgeSet& edges = graph_->edges[edge_type];
  const NodeSet& destinations = graph_->nodes[edges.dst_type];
  const int64_t num_src_nodes = graph_->nodes[edges.src_type].owned.size();
  const int64_t fanout = options_.fanouts[edge_type][hop];
  const uint64_t key = batch_key(request, edges.key);
  PooledArray<int64_t>& dst_ids = sample.nodes[edges.dst_type].ids;
  PooledArray<int64_t>& src_ids = sample.nodes[edges.src_type].ids;
  SampledEdges& out = sample.edges[edge_type];

  // On one thread a block of nodes goes through all steps while it is in cache; several threads
  // share the draws of the whole frontier before this one labels them in order.
  const bool is_parallel = request.num_threads > 1;
  const int64_t per_node = fanout == kAllNeighbors ? 16 : fanout;
  const int64_t block =
      is_parallel ? frontier.end - frontier.begin : std::max<int64_t>(kEdgesPerBlock / per_node, 4);
  std::vector<Row>& rows = workspace.rows;
  int64_t num_edges = out.indices.size();
  const int64_t num_edges_before = num_edges;
  out.indptr.reserve(frontier.end + 1);

  for (int64_t begin = frontier.begin; begin < frontier.end; begin += block) {
    const int64_t count = std::min(block, frontier.end - begin);
    if (static_cast<int64_t>(rows.size()) < count) rows.resize(static_cast<size_t>(count));
    const int64_t* ids = dst_ids.data();
    parallel_chunks(request.num_threads, count, kNodesPerChunk, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        const int64_t ahead = begin + i + kLookahead;
        if (ahead < frontier.end) prefetch_row(edges, destinations, ids[ahead]);
        rows[i] = find_row(edges, destinations, ids[begin + i], fanout, options_.replace);
      }
    });
    const int64_t first = num_edges;
    for (int64_t i = 0; i < count; ++i) {
      rows[i].first_pick = num_edges;
      num_edges += rows[i].num_picks;
      out.indptr.data()[begin + i + 1] = num_edges;
    }
    out.indices.reserve(num_edges);
    out.position.reserve(num_edges);
    parallel_chunks(request.num_threads, count, kNodesPerChunk, [&](int64_t from, int64_t to) {
      const auto draw = edges.is_copied ? draw_rows<uint32_t> : draw_rows<int64_t>;
      draw(rows.data() + from, to - from, key, fanout, options_.replace, num_src_nodes, out);
    });
    std::visit(
        [&](auto& table) {
          label_in_place(table, out.indices.data() + first, num_edges - first, src_ids);
        },
        workspace.tables[edges.src_type]);
    out.indices.set_size(num_edges);
    out.position.set_size(num_edges);
  }
  out.indptr.set_size(frontier.end + 1);
  out.num_per_hop.push_back(num_edges - num_edges_before);
}

Sample NeighborSampler::empty_sample(const Workspace& workspace) const {
  const auto with_room = [](int64_t size) { return size + size / 16 + 1; };
  Sample sample;
  for (size_t type = 0; type < graph_->nodes.size(); ++type) {
    sample.nodes.push_back({PooledArray<int64_t>(pool_), {}});
    sample.nodes.back().ids.reserve(with_room(workspace.num_nodes[type] + kEdgesPerBlock));
  }
  for (size_t type = 0; type < graph_->edges.size(); ++type) {
    sample.edges.push_back({PooledArray<int64_t>(pool_),
                            PooledArray<int64_t>(pool_),
                            PooledArray<int64_t>(pool_),
                            {}});
    SampledEdges& edges = sample.edges.back();
    edges.indices.reserve(with_room(workspace.num_edges[type]));
    edges.position.reserve(with_room(workspace.num_edges[type]));
    edges.indptr.reserve(1);
    edges.indptr.data()[0] = 0;
    edges.indptr.set_size(1);
  }
  return sample;
}

Sample NeighborSampler::sample(const Request& request) {
  auto workspace = borrow_workspace();
  for (auto& any_table : workspace->tables) {
    std::visit([](auto& table) { table.begin_batch(); }, any_table);
  }
  Sample sample = empty_sample(*workspace);
  add_seeds(request, *workspace, sample);

  std::vector<Frontier> frontiers;
  for (const SampledNodes& nodes : sample.nodes) frontiers.push_back({0, nodes.ids.size()});
  for (size_t hop = 0; hop < num_hops_; ++hop) {
    for (size_t type = 0; type < graph_->edges.size(); ++type) {
      if (options_.fanouts[type].empty()) continue;
      expand(type, hop, frontiers[graph_->edges[type].dst_type], request, *workspace, sample);
    }
    for (size_t type = 0; type < frontiers.size(); ++type) {
      SampledNodes& nodes = sample.nodes[type];
      nodes.num_per_hop.push_back(nodes.ids.size() - frontiers[type].end);
      frontiers[type] = {frontiers[type].end, nodes.ids.size()};
    }
  }
  give_back(std::move(workspace), sample);
  return sample;
}

}  // namespace distgnn
