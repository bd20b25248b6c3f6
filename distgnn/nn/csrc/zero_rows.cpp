#include "zero_rows.h"

#include <cstring>

namespace distgnn {
namespace {

// What is compared at once: the first set bit ends the search, so a short look suffices where there is one.
constexpr int64_t kBlock = 4096;
constexpr char kZeros[kBlock] = {};

}  // namespace

int64_t num_rows_not_zero(const char* rows, int64_t num_rows, int64_t row_bytes) {
  int64_t end = num_rows * row_bytes;
  while (end >= kBlock && std::memcmp(rows + end - kBlock, kZeros, kBlock) == 0) end -= kBlock;
  while (end > 0 && rows[end - 1] == 0) --end;
  return row_bytes == 0 ? 0 : (end + row_bytes - 1) / row_bytes;
}

}  // namespace distgnn
