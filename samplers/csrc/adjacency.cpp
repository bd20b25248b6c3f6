#include "adjacency.h"

#include "errors.h"

namespace distgnn {
namespace {

// Lists are scanned once no more than this many entries are left: 32 bits at a time they are a few
// cache lines, while a step of a binary search visits a line of the list and one of `index`.
constexpr uint32_t kScan = 128;

template <class Id>
bool scan(const Id* ids, uint32_t count, Id id) {
  Id found = 0;
  for (uint32_t i = 0; i < count; ++i) found |= static_cast<Id>(ids[i] == id);
  return found != 0;
}

// The nodes of a type in the order of their index.
std::vector<int64_t> nodes_by_index(const NodeSet& nodes) {
  std::vector<int64_t> ids(static_cast<size_t>(nodes.owned.size()));
  for (int64_t part = 0; part < nodes.owned.num_parts(); ++part) {
    const int64_t begin = nodes.owned.begin(part);
    for (int64_t i = 0; i < nodes.owned.end(part) - begin; ++i) {
      const int64_t index = nodes.index[part][i];
      if (static_cast<uint64_t>(index) >= ids.size()) {
        throw_corrupt("a node has the index " + std::to_string(index) + " of " +
                      std::to_string(ids.size()));
      }
      ids[static_cast<size_t>(index)] = begin + i;
    }
  }
  return ids;
}

template <class T>
T* new_array(std::vector<Pages>& pages, int64_t size) {
  const size_t bytes = static_cast<size_t>(std::max<int64_t>(size, 1)) * sizeof(T);
  pages.emplace_back(allocate_pages(round_up(bytes, page_unit(bytes))));
  return static_cast<T*>(pages.back().get());
}

// Where the out-edges of each source begin, int64 [sources + 1].
std::vector<int64_t> out_offsets(const Adjacency& incoming, int64_t num_sources) {
  std::vector<int64_t> offsets(static_cast<size_t>(num_sources) + 1);
  const int64_t num_destinations = incoming.owners().owned.size();
  for (int64_t node = 0; node < num_destinations; ++node) {
    const NeighborList list = incoming.list(node);
    for (uint32_t i = 0; i < list.degree; ++i) ++offsets[incoming.at(list, i) + 1];
  }
  for (int64_t i = 0; i < num_sources; ++i) offsets[i + 1] += offsets[i];
  return offsets;
}

EdgeSet reverse(const Adjacency& incoming, std::vector<Pages>& pages) {
  const NodeSet& sources = incoming.neighbors();
  const int64_t num_sources = sources.owned.size();
  const std::vector<int64_t> offsets = out_offsets(incoming, num_sources);
  uint32_t* const ids = new_array<uint32_t>(pages, offsets.back());
  std::vector<int64_t> next(offsets.begin(), offsets.end() - 1);
  for (const int64_t node : nodes_by_index(incoming.owners())) {
    const NeighborList list = incoming.list(node);
    for (uint32_t i = 0; i < list.degree; ++i) {
      ids[next[incoming.at(list, i)]++] = static_cast<uint32_t>(node);
    }
  }
  EdgeSet edges{incoming.owner_type(), incoming.neighbor_type(), incoming.key(), {}, {}, true};
  for (int64_t part = 0; part < sources.owned.num_parts(); ++part) {
    const int64_t begin = sources.owned.begin(part);
    const int64_t count = sources.owned.end(part) - begin;
    RowStart* const starts = new_array<RowStart>(pages, count + 1);
    for (int64_t i = 0; i <= count; ++i) {
      starts[i] = {offsets[begin + i] - offsets[begin], i < count ? sources.index[part][i] : 0};
    }
    edges.first_edge.push_back(offsets[begin]);
    edges.parts.push_back({starts[count].begin, nullptr, nullptr, starts, ids + offsets[begin]});
  }
  return edges;
}

}  // namespace

Adjacency::Adjacency(std::shared_ptr<const Graph> graph, size_t edge_type, bool is_sorted)
    : graph_(std::move(graph)), edge_type_(edge_type), is_sorted_(is_sorted) {
  num_neighbors_ = static_cast<uint64_t>(neighbors().owned.size());
}

Adjacency Adjacency::incoming(std::shared_ptr<const Graph> graph, size_t edge_type, bool is_timed) {
  return Adjacency(std::move(graph), edge_type, !is_timed);
}

Adjacency Adjacency::outgoing(std::shared_ptr<const Graph> graph, size_t edge_type) {
  const Adjacency in(graph, edge_type, true);
  if (in.owners().owned.size() > int64_t{1} << 32) {
    throw ArgumentError("out-edges can be followed to at most 2^32 nodes, and there are " +
                        std::to_string(in.owners().owned.size()) + ": follow in-edges");
  }
  Adjacency out(std::move(graph), edge_type, true);
  auto pages = std::make_shared<std::vector<Pages>>();
  out.reversed_ = std::make_shared<const EdgeSet>(reverse(in, *pages));
  out.pages_ = std::move(pages);
  out.num_neighbors_ = static_cast<uint64_t>(out.neighbors().owned.size());
  return out;
}

int64_t Adjacency::first_edge_in_part(int64_t node) const {
  const EdgeSet& all = edges();
  const Ranges& owned = owners().owned;
  const int64_t part = owned.part_of(node);
  const int64_t local = node - owned.begin(part);
  return all.is_copied ? all.parts[part].starts[local].begin : all.parts[part].indptr[local];
}

bool Adjacency::contains(const NeighborList& list, uint32_t limit, int64_t id) const {
  uint32_t low = 0, high = limit;
  if (is_sorted_ && high > kScan) {
    const int64_t wanted = index_in(neighbors(), id);
    while (high - low > kScan) {
      const uint32_t middle = low + (high - low) / 2;
      const int64_t found = at(list, middle);
      if (found == id) return true;
      if (index_in(neighbors(), found) < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
  }
  return list.short_ids != nullptr ? scan(list.short_ids + low, high - low, static_cast<uint32_t>(id))
                                   : scan(list.ids + low, high - low, id);
}

}  // namespace distgnn
