#include "rows.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace distgnn {

Buffer<int32_t> build_rows(const int32_t* rows,
                           const int32_t* neighbours,
                           int64_t num_pairs,
                           int64_t num_rows,
                           int64_t* indptr) {
  std::fill(indptr, indptr + num_rows + 1, 0);
  for (int64_t i = 0; i < num_pairs; ++i) {
    if (rows[i] < 0 || rows[i] >= num_rows)
      throw std::invalid_argument("rows[" + std::to_string(i) + "] = " + std::to_string(rows[i]) +
                                  " is not in [0, " + std::to_string(num_rows) + ")");
    ++indptr[rows[i] + 1];
  }
  for (int64_t r = 0; r < num_rows; ++r)
    indptr[r + 1] += indptr[r];
  Buffer<int32_t> indices(num_pairs);
  std::vector<int64_t> next(indptr, indptr + num_rows);
  for (int64_t i = 0; i < num_pairs; ++i)
    indices[next[rows[i]]++] = neighbours[i];
  int64_t kept = 0;
  for (int64_t r = 0, begin = 0; r < num_rows; ++r) {
    const int64_t end = indptr[r + 1];
    int32_t* first = indices.data() + begin;
    std::sort(first, indices.data() + end);
    const int64_t count = std::unique(first, indices.data() + end) - first;
    std::copy(first, first + count, indices.data() + kept);
    kept += count;
    begin = end;
    indptr[r + 1] = kept;
  }
  indices.resize(kept);
  return indices;
}

void hash_texts(const uint8_t* data, const int64_t* offsets, int64_t num_texts, uint64_t* hashes) {
  for (int64_t i = 0; i < num_texts; ++i) {
    const uint8_t* p = data + offsets[i];
    int64_t left = offsets[i + 1] - offsets[i];
    uint64_t hash = 0xCBF29CE484222325u ^ static_cast<uint64_t>(left);
    while (left > 0) {
      uint64_t word = 0;
      const int64_t count = std::min<int64_t>(8, left);
      std::memcpy(&word, p, count);
      hash = (hash ^ word) * 0x100000001B3u;
      hash ^= hash >> 29;
      p += count;
      left -= count;
    }
    hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9u;
    hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBu;
    hashes[i] = hash ^ (hash >> 31);
  }
}

}  // namespace distgnn
