#ifndef DISTGNN_PARTITION_ROWS_H_
#define DISTGNN_PARTITION_ROWS_H_

#include <cstdint>

#include "buffer.h"

namespace distgnn {

// Neighbour lists from (row, neighbour) pairs in any order: fills indptr [num_rows + 1] and returns
// the neighbours, within a row rising and each once. Throws std::invalid_argument if a row is out
// of range.
Buffer<int32_t> build_rows(const int32_t* rows,
                           const int32_t* neighbours,
                           int64_t num_pairs,
                           int64_t num_rows,
                           int64_t* indptr);

// A hash of each text (FNV-1a over 8 bytes at a time, then mixed): the text i is
// data[offsets[i] .. offsets[i + 1]).
void hash_texts(const uint8_t* data, const int64_t* offsets, int64_t num_texts, uint64_t* hashes);

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_ROWS_H_
