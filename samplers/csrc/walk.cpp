#include "walk.h"

#include <algorithm>

#include "parallel.h"
#include "rng.h"
#include "walk_steps.h"

namespace distgnn {
namespace {

// Walks that a thread takes at a time.
constexpr int64_t kWalksPerChunk = 16 * kWalksTogether;

// Calls run(begin, count) for groups of walks that take their steps together.
template <class Run>
void in_groups(const WalkRequest& request, const Run& run) {
  const int64_t num_walks = request.num_starts * request.walks_per_start;
  parallel_chunks(request.num_threads, num_walks, kWalksPerChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kWalksTogether) {
      run(i, static_cast<int>(std::min<int64_t>(kWalksTogether, end - i)));
    }
  });
}

uint64_t walk_key(const WalkRequest& request, int64_t index, int64_t walk) {
  const uint64_t key = derive_key(request.key, static_cast<uint64_t>(index));
  return derive_key(key, static_cast<uint64_t>(walk % request.walks_per_start));
}

}  // namespace

void random_walks(const Adjacency& adjacency, const WalkRequest& request, double p, double q,
                  double restart) {
  const WalkBias bias(p, q);
  const int64_t length = request.num_steps + 1;
  in_groups(request, [&](int64_t begin, int count) {
    WalkGroup<Adjacency> group(adjacency, bias);
    int64_t* const out = request.out + begin * length;
    for (int i = 0; i < count; ++i) {
      const int64_t start = request.starts[(begin + i) / request.walks_per_start];
      group.start(i, start, walk_key(request, adjacency.index_of(start), begin + i));
      out[i * length] = start;
    }
    const auto restarts = [&](int i) {
      if (restart == 0 || uniform32(group.stream(i)) >= restart) return false;
      group.jump(i, out[i * length]);
      return true;
    };
    for (int64_t step = 1; step < length; ++step) {
      group.step(count, restarts);
      for (int i = 0; i < count; ++i) out[i * length + step] = group.node(i);
    }
  });
}

void metapath_walks(const std::vector<const Adjacency*>& adjacencies, const WalkRequest& request) {
  const int64_t length = request.num_steps + 1;
  in_groups(request, [&](int64_t begin, int count) {
    Stream streams[kWalksTogether];
    NeighborList lists[kWalksTogether];
    uint32_t places[kWalksTogether];
    int64_t nodes[kWalksTogether];
    int64_t* const out = request.out + begin * length;
    for (int i = 0; i < count; ++i) {
      nodes[i] = request.starts[(begin + i) / request.walks_per_start];
      const int64_t index = adjacencies[0]->index_of(nodes[i]);
      streams[i] = Stream(walk_key(request, index, begin + i));
      out[i * length] = nodes[i];
    }
    for (int64_t step = 1; step < length; ++step) {
      const Adjacency& here = *adjacencies[(step - 1) % adjacencies.size()];
      const Adjacency& next = *adjacencies[step % adjacencies.size()];
      for (int i = 0; i < count; ++i) {
        if (nodes[i] == kNoNode) continue;
        lists[i] = here.list(nodes[i]);
        if (lists[i].degree == 0) {
          nodes[i] = kNoNode;
          continue;
        }
        places[i] = streams[i].below(lists[i].degree);
        lists[i].prefetch(places[i]);
      }
      for (int i = 0; i < count; ++i) {
        if (nodes[i] != kNoNode) {
          nodes[i] = here.at(lists[i], places[i]);
          if (step + 1 < length) next.prefetch(nodes[i]);
        }
        out[i * length + step] = nodes[i];
      }
    }
  });
}

}  // namespace distgnn
