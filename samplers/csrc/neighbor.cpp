#include "neighbor.h"

#include <algorithm>
#include <string>

#include "errors.h"
#include "parallel.h"

namespace distgnn {
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
    if (!options_.is_disjoint && num_nodes <= options_.max_table_bytes / 8) {
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
  int64_t tree = 0;
  for (size_t type = 0; type < graph_->nodes.size(); ++type) {
    const Seeds& seeds = request.seeds[type];
    PooledArray<int64_t>& ids = sample.nodes[type].ids;
    ids.reserve(std::max<int64_t>(seeds.size, 1));
    std::visit(
        [&](auto& table) {
          table.reserve(seeds.size);
          for (int64_t i = 0; i < seeds.size; ++i) {
            const int64_t node =
                options_.is_disjoint ? tree++ << kIdBits | seeds.ids[i] : seeds.ids[i];
            if (table.label(node, static_cast<uint32_t>(i)) != i) {
              throw ArgumentError("seeds hold node " + std::to_string(seeds.ids[i]) +
                                  " more than once: give each node once (numpy.unique)");
            }
            ids.data()[i] = node;
          }
        },
        workspace.tables[type]);
    ids.set_size(seeds.size);
    sample.nodes[type].num_per_hop.push_back(seeds.size);
  }
  if (options_.is_disjoint && tree > kMaxTrees) {
    throw ArgumentError("a batch of " + std::to_string(tree) + " disjoint trees: at most " +
                        std::to_string(kMaxTrees) + " seeds fit");
  }
}

// Finds nodes[0 ... count), of which num_known - count follow and are fetched ahead.
void NeighborSampler::find_rows(const HopDraw& draw, const int64_t* nodes, int64_t count,
                                int64_t num_known, const Request& request, Row* rows) const {
  if (!options_.is_disjoint) {
    for (int64_t i = 0; i < count; ++i) {
      if (i + kLookahead < num_known) draw.prefetch(nodes[i + kLookahead]);
      rows[i] = draw.find(nodes[i], 0);
    }
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    if (i + kLookahead < num_known) draw.prefetch(nodes[i + kLookahead] & kIdMask);
    const int64_t time = request.times == nullptr ? 0 : request.times[nodes[i] >> kIdBits];
    rows[i] = draw.find(nodes[i] & kIdMask, time);
  }
  if (draw.has_edge_times()) draw.cut_to_past(rows, count);
}

void NeighborSampler::expand(size_t edge_type, size_t hop, Frontier frontier,
                             const Request& request, Workspace& workspace, Sample& sample) const {
  const EdgeSet& edges = graph_->edges[edge_type];
  const int64_t fanout = options_.fanouts[edge_type][hop];
  const HopDraw draw(*graph_, edge_type, fanout, options_.rule,
                     batch_key(request.seed, request.epoch, request.batch));
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
    const int64_t* const nodes = dst_ids.data() + begin;
    parallel_chunks(request.num_threads, count, kNodesPerChunk, [&](int64_t from, int64_t to) {
      find_rows(draw, nodes + from, to - from, frontier.end - begin - from, request,
                rows.data() + from);
    });
    const int64_t first = num_edges;
    for (int64_t i = 0; i < count; ++i) {
      rows[i].first_pick = num_edges;
      num_edges += rows[i].num_picks;
    }
    out.indices.reserve(num_edges);
    out.position.reserve(num_edges);
    parallel_chunks(request.num_threads, count, kNodesPerChunk, [&](int64_t from, int64_t to) {
      draw.draw(rows.data() + from, to - from, out.position.data(), out.indices.data());
    });
    if (draw.may_come_short()) {
      num_edges = close_gaps(rows.data(), count, out.position.data(), out.indices.data());
    }
    if (draw.gives_weights()) out.weight.reserve(num_edges);
    for (int64_t i = 0; i < count; ++i) {
      const Row& row = rows[i];
      out.indptr.data()[begin + i + 1] = row.first_pick + row.num_picks;
      if (draw.gives_weights()) {
        std::fill_n(out.weight.data() + row.first_pick, row.num_picks, draw.weight(row));
      }
      if (options_.is_disjoint) {
        const int64_t tree = nodes[i] & ~kIdMask;
        for (int64_t at = 0; at < row.num_picks; ++at) {
          out.indices.data()[row.first_pick + at] |= tree;
        }
      }
    }
    std::visit(
        [&](auto& table) {
          label_in_place(table, out.indices.data() + first, num_edges - first, src_ids);
        },
        workspace.tables[edges.src_type]);
    out.indices.set_size(num_edges);
    out.position.set_size(num_edges);
    if (draw.gives_weights()) out.weight.set_size(num_edges);
  }
  out.indptr.set_size(frontier.end + 1);
  out.num_per_hop.push_back(num_edges - num_edges_before);
}

// Takes the words that number nodes of disjoint trees apart.
void NeighborSampler::separate_trees(Sample& sample) const {
  for (SampledNodes& nodes : sample.nodes) {
    nodes.trees.reserve(std::max<int64_t>(nodes.ids.size(), 1));
    for (int64_t i = 0; i < nodes.ids.size(); ++i) {
      nodes.trees.data()[i] = nodes.ids.data()[i] >> kIdBits;
      nodes.ids.data()[i] &= kIdMask;
    }
    nodes.trees.set_size(nodes.ids.size());
  }
}

Sample NeighborSampler::empty_sample(const Workspace& workspace) const {
  const auto with_room = [](int64_t size) { return size + size / 16 + 1; };
  Sample sample;
  for (size_t type = 0; type < graph_->nodes.size(); ++type) {
    sample.nodes.push_back({PooledArray<int64_t>(pool_), PooledArray<int64_t>(pool_), {}});
    sample.nodes.back().ids.reserve(with_room(workspace.num_nodes[type] + kEdgesPerBlock));
  }
  for (size_t type = 0; type < graph_->edges.size(); ++type) {
    sample.edges.push_back({PooledArray<int64_t>(pool_),
                            PooledArray<int64_t>(pool_),
                            PooledArray<int64_t>(pool_),
                            PooledArray<float>(pool_),
                            {}});
    SampledEdges& edges = sample.edges.back();
    edges.indices.reserve(with_room(workspace.num_edges[type]));
    edges.position.reserve(with_room(workspace.num_edges[type]));
    if (options_.rule.pick == Pick::kLabor) edges.weight.reserve(edges.indices.size() + 1);
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
  if (options_.is_disjoint) separate_trees(sample);
  return sample;
}

}  // namespace distgnn
