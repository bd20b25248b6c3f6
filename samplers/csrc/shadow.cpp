#include "shadow.h"

#include <algorithm>
#include <utility>

#include "parallel.h"

namespace distgnn {
namespace {

constexpr int64_t kSeedsPerChunk = 8;

// The subgraph of one seed, with local ids of its own.
struct Scope {
  std::vector<SampledNodes> nodes;
  std::vector<InducedEdges> edges;
};

// Where the nodes of each scope lie among those of a type.
class Places {
 public:
  Places(const std::vector<Scope>& scopes, size_t type, bool roots_first)
      : num_roots_(roots_first ? static_cast<int64_t>(scopes.size()) : 0),
        roots_first_(roots_first) {
    int64_t next = num_roots_;
    for (const Scope& scope : scopes) {
      first_.push_back(next);
      next += scope.nodes[type].ids.size() - (roots_first ? 1 : 0);
    }
    num_nodes_ = next;
  }

  // The place of node `local` of scope `number`.
  int64_t of(int64_t number, int64_t local) const {
    if (!roots_first_) return first_[number] + local;
    return local == 0 ? number : first_[number] + local - 1;
  }
  int64_t num_nodes() const { return num_nodes_; }

 private:
  int64_t num_roots_;
  bool roots_first_;
  int64_t num_nodes_;
  std::vector<int64_t> first_;
};

PooledArray<int64_t> array_of(const std::shared_ptr<BufferPool>& pool, int64_t size) {
  PooledArray<int64_t> array(pool);
  array.reserve(std::max<int64_t>(size, 1));
  array.set_size(size);
  return array;
}

PooledArray<int64_t> join_nodes(const std::vector<Scope>& scopes, size_t type,
                                const Places& places, const std::shared_ptr<BufferPool>& pool) {
  PooledArray<int64_t> joined = array_of(pool, places.num_nodes());
  for (size_t number = 0; number < scopes.size(); ++number) {
    const PooledArray<int64_t>& ids = scopes[number].nodes[type].ids;
    for (int64_t local = 0; local < ids.size(); ++local) {
      joined.data()[places.of(static_cast<int64_t>(number), local)] = ids.data()[local];
    }
  }
  return joined;
}

InducedEdges join_edges(const std::vector<Scope>& scopes, size_t type, const Places& sources,
                        const Places& destinations, const std::shared_ptr<BufferPool>& pool) {
  const int64_t num_rows = destinations.num_nodes();
  InducedEdges joined{array_of(pool, num_rows + 1), PooledArray<int64_t>(pool),
                      PooledArray<int64_t>(pool)};
  int64_t* const indptr = joined.indptr.data();
  const auto num_scopes = static_cast<int64_t>(scopes.size());
  const auto each_row = [&](const auto& visit) {
    for (int64_t number = 0; number < num_scopes; ++number) {
      const InducedEdges& edges = scopes[number].edges[type];
      for (int64_t local = 0; local + 1 < edges.indptr.size(); ++local) {
        visit(number, edges, destinations.of(number, local), edges.indptr.data()[local],
              edges.indptr.data()[local + 1]);
      }
    }
  };
  indptr[0] = 0;
  each_row([&](int64_t, const InducedEdges&, int64_t row, int64_t begin, int64_t end) {
    indptr[row + 1] = end - begin;
  });
  for (int64_t row = 0; row < num_rows; ++row) indptr[row + 1] += indptr[row];
  joined.indices = array_of(pool, indptr[num_rows]);
  joined.position = array_of(pool, indptr[num_rows]);
  each_row([&](int64_t number, const InducedEdges& edges, int64_t row, int64_t begin, int64_t end) {
    int64_t at = indptr[row];
    for (int64_t i = begin; i < end; ++i, ++at) {
      joined.indices.data()[at] = sources.of(number, edges.indices.data()[i]);
      joined.position.data()[at] = edges.position.data()[i];
    }
  });
  return joined;
}

}  // namespace

ShadowSampler::ShadowSampler(std::shared_ptr<const Graph> graph, SamplerOptions options)
    : sampler_(graph, options),
      inducer_(std::move(graph), options.max_table_bytes),
      pool_(std::make_shared<BufferPool>()) {}

Shadows ShadowSampler::sample(const Request& request, size_t seed_type) {
  const Seeds seeds = request.seeds[seed_type];
  std::vector<Scope> scopes(static_cast<size_t>(seeds.size));
  parallel_chunks(request.num_threads, seeds.size, kSeedsPerChunk, [&](int64_t from, int64_t to) {
    Request alone = request;
    alone.num_threads = 1;
    for (int64_t number = from; number < to; ++number) {
      alone.seeds[seed_type] = {seeds.ids + number, 1};
      Sample sample = sampler_.sample(alone);
      std::vector<IdSpan> nodes;
      for (const SampledNodes& type : sample.nodes) {
        nodes.push_back({type.ids.data(), type.ids.size()});
      }
      scopes[number] = {std::move(sample.nodes), inducer_.induce(nodes, 1)};
    }
  });
  std::vector<Places> places;
  for (size_t type = 0; type < graph().nodes.size(); ++type) {
    places.emplace_back(scopes, type, type == seed_type);
  }
  Shadows shadows;
  for (size_t type = 0; type < places.size(); ++type) {
    shadows.nodes.push_back(join_nodes(scopes, type, places[type], pool_));
  }
  for (size_t type = 0; type < graph().edges.size(); ++type) {
    const EdgeSet& edges = graph().edges[type];
    shadows.edges.push_back(
        join_edges(scopes, type, places[edges.src_type], places[edges.dst_type], pool_));
  }
  return shadows;
}

}  // namespace distgnn
