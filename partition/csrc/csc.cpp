#include "csc.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace distgnn {
namespace {

// How many edges ahead memory is fetched: rows come in random order.
constexpr int64_t kPrefetchDistance = 16;
constexpr int64_t kMinEdgesPerThread = 1 << 16;

void check_range(const char* name, int64_t position, int64_t value, int64_t limit) {
  if (value >= 0 && value < limit)
    return;
  throw std::invalid_argument(std::string(name) + "[" + std::to_string(position) +
                              "] = " + std::to_string(value) + " is not in [0, " +
                              std::to_string(limit) + ")");
}

inline bool comes_before(const InEdge& a, const InEdge& b) {
  return a.src != b.src ? a.src < b.src : a.eid < b.eid;
}

struct TimedInEdge {
  int64_t time;
  InEdge edge;
};

inline bool comes_before(const TimedInEdge& a, const TimedInEdge& b) {
  return a.time != b.time ? a.time < b.time : comes_before(a.edge, b.edge);
}

int64_t row_of(const CscInput& input, int64_t eid) {
  return input.dst_id[input.dst[eid]];
}

void read_edge(const CscInput& input, int64_t eid, InEdge* edge) {
  *edge = {input.src[eid], eid};
}

void read_edge(const CscInput& input, int64_t eid, TimedInEdge* edge) {
  *edge = {input.time[eid], {input.src[eid], eid}};
}

void count_rows(const CscInput& input, int64_t* indptr) {
  for (int64_t v = 0; v < input.num_rows; ++v)
    check_range("dst_id", v, input.dst_id[v], input.num_rows);
  std::fill(indptr, indptr + input.num_rows + 1, 0);
  for (int64_t e = 0; e < input.num_edges; ++e) {
    check_range("src", e, input.src[e], input.num_src);
    check_range("dst", e, input.dst[e], input.num_rows);
    ++indptr[row_of(input, e) + 1];
  }
  for (int64_t row = 0; row < input.num_rows; ++row)
    indptr[row + 1] += indptr[row];
}

template <typename Edge>
void sort_rows(const int64_t* indptr, int64_t first, int64_t last, Edge* edges) {
  for (int64_t row = first; row < last; ++row)
    std::sort(edges + indptr[row], edges + indptr[row + 1],
              [](const Edge& a, const Edge& b) { return comes_before(a, b); });
}

// Every thread sorts a range of rows with about the same number of edges, and enough of them to pay
// for its start.
template <typename Edge>
void sort_all_rows(const int64_t* indptr, int64_t num_rows, int num_threads, Edge* edges) {
  num_threads =
      static_cast<int>(std::min<int64_t>(num_threads, 1 + indptr[num_rows] / kMinEdgesPerThread));
  std::vector<std::thread> threads;
  int64_t first = 0;
  for (int t = 1; t <= num_threads; ++t) {
    const int64_t* end =
        std::lower_bound(indptr + first, indptr + num_rows, indptr[num_rows] / num_threads * t);
    const int64_t last = t == num_threads ? num_rows : end - indptr;
    threads.emplace_back(sort_rows<Edge>, indptr, first, last, edges);
    first = last;
  }
  for (std::thread& thread : threads)
    thread.join();
}

template <typename Edge>
Buffer<Edge> sorted_edges(const CscInput& input, int num_threads, const int64_t* indptr) {
  Buffer<Edge> edges(input.num_edges);
  std::vector<int64_t> next(indptr, indptr + input.num_rows);
  for (int64_t e = 0; e < input.num_edges; ++e) {
    if (e + 2 * kPrefetchDistance < input.num_edges)
      __builtin_prefetch(next.data() + row_of(input, e + 2 * kPrefetchDistance), 1);
    if (e + kPrefetchDistance < input.num_edges)
      __builtin_prefetch(edges.data() + next[row_of(input, e + kPrefetchDistance)], 1);
    read_edge(input, e, edges.data() + next[row_of(input, e)]++);
  }
  sort_all_rows(indptr, input.num_rows, num_threads, edges.data());
  return edges;
}

}  // namespace

void group_by_part(const int32_t* part_of,
                   int64_t num_rows,
                   int32_t num_parts,
                   int64_t* offsets,
                   int64_t* order) {
  std::fill(offsets, offsets + num_parts + 1, 0);
  for (int64_t row = 0; row < num_rows; ++row) {
    check_range("part_of", row, part_of[row], num_parts);
    ++offsets[part_of[row] + 1];
  }
  for (int32_t p = 0; p < num_parts; ++p)
    offsets[p + 1] += offsets[p];
  std::vector<int64_t> next(offsets, offsets + num_parts);
  for (int64_t row = 0; row < num_rows; ++row)
    order[next[part_of[row]]++] = row;
}

Buffer<InEdge> build_csc(const CscInput& input, int num_threads, int64_t* indptr) {
  count_rows(input, indptr);
  if (input.time == nullptr)
    return sorted_edges<InEdge>(input, num_threads, indptr);
  const Buffer<TimedInEdge> timed = sorted_edges<TimedInEdge>(input, num_threads, indptr);
  Buffer<InEdge> edges(input.num_edges);
  for (int64_t e = 0; e < input.num_edges; ++e)
    edges[e] = timed[e].edge;
  return edges;
}

int64_t count_cut(const int64_t* src,
                  const int64_t* dst,
                  int64_t num_edges,
                  const int32_t* part_of_src,
                  const int32_t* part_of_dst) {
  int64_t cut = 0;
  for (int64_t e = 0; e < num_edges; ++e)
    cut += part_of_src[src[e]] != part_of_dst[dst[e]];
  return cut;
}

}  // namespace distgnn
