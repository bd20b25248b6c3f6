#include "csc.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace distgnn {
namespace {

void check_range(const char* name, int64_t position, int64_t value, int64_t limit) {
  if (value >= 0 && value < limit)
    return;
  throw std::invalid_argument(std::string(name) + "[" + std::to_string(position) +
                              "] = " + std::to_string(value) + " is not in [0, " +
                              std::to_string(limit) + ")");
}

struct Entry {
  int64_t src;
  int64_t eid;
  bool operator<(const Entry& other) const {
    return src != other.src ? src < other.src : eid < other.eid;
  }
};

struct TimedEntry {
  int64_t time;
  int64_t src;
  int64_t eid;
  bool operator<(const TimedEntry& other) const {
    if (time != other.time)
      return time < other.time;
    return src != other.src ? src < other.src : eid < other.eid;
  }
};

Entry make_entry(const PartEdges& edges, int64_t eid, Entry*) {
  return {edges.src[eid], eid};
}

TimedEntry make_entry(const PartEdges& edges, int64_t eid, TimedEntry*) {
  return {edges.time[eid], edges.src[eid], eid};
}

int64_t row_of(const PartEdges& edges, int64_t eid) {
  return edges.dst_id[edges.dst[eid]] - edges.first_id;
}

void count_rows(const PartEdges& edges, int64_t* indptr) {
  std::fill(indptr, indptr + edges.num_rows + 1, 0);
  for (int64_t i = 0; i < edges.num_edges; ++i) {
    const int64_t edge = edges.eids[i];
    check_range("eids", i, edge, edges.num_graph_edges);
    check_range("src", edge, edges.src[edge], edges.num_src);
    check_range("dst", edge, edges.dst[edge], edges.num_dst);
    const int64_t row = row_of(edges, edge);
    if (row < 0 || row >= edges.num_rows)
      throw std::invalid_argument("edge " + std::to_string(edge) +
                                  " has a destination that the part does not own");
    ++indptr[row + 1];
  }
  for (int64_t row = 0; row < edges.num_rows; ++row)
    indptr[row + 1] += indptr[row];
}

template <typename T>
void fill_csc(const PartEdges& edges, const int64_t* indptr, int64_t* src, int64_t* eid) {
  Buffer<T> entries(edges.num_edges);
  std::vector<int64_t> next(indptr, indptr + edges.num_rows);
  for (int64_t i = 0; i < edges.num_edges; ++i) {
    const int64_t edge = edges.eids[i];
    entries[next[row_of(edges, edge)]++] = make_entry(edges, edge, static_cast<T*>(nullptr));
  }
  for (int64_t row = 0; row < edges.num_rows; ++row)
    std::sort(entries.data() + indptr[row], entries.data() + indptr[row + 1]);
  for (int64_t i = 0; i < edges.num_edges; ++i) {
    src[i] = edges.src_id[entries[i].src];
    eid[i] = entries[i].eid;
  }
}

int32_t part_of_row(const Grouping& grouping, int64_t row) {
  const int64_t key = grouping.key == nullptr ? row : grouping.key[row];
  return grouping.part_of[key];
}

void check_row(const Grouping& grouping, int64_t row) {
  const int64_t key = grouping.key == nullptr ? row : grouping.key[row];
  check_range("key", row, key, grouping.num_keys);
  check_range("part_of", key, grouping.part_of[key], grouping.num_parts);
}

}  // namespace

void group_by_part(const Grouping& grouping, int64_t* offsets, int64_t* order) {
  std::fill(offsets, offsets + grouping.num_parts + 1, 0);
  for (int64_t row = 0; row < grouping.num_rows; ++row) {
    check_row(grouping, row);
    ++offsets[part_of_row(grouping, row) + 1];
  }
  for (int32_t p = 0; p < grouping.num_parts; ++p)
    offsets[p + 1] += offsets[p];
  std::vector<int64_t> next(offsets, offsets + grouping.num_parts);
  for (int64_t row = 0; row < grouping.num_rows; ++row)
    order[next[part_of_row(grouping, row)]++] = row;
}

void build_csc(const PartEdges& edges, int64_t* indptr, int64_t* src, int64_t* eid) {
  count_rows(edges, indptr);
  if (edges.time == nullptr)
    fill_csc<Entry>(edges, indptr, src, eid);
  else
    fill_csc<TimedEntry>(edges, indptr, src, eid);
}

}  // namespace distgnn
