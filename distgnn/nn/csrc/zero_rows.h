// Rows that are zero, counted from the end of a matrix.
#pragma once

#include <cstdint>

namespace distgnn {

// The number of rows up to the last one with a bit that is set, given rows of `row_bytes` bytes.
int64_t num_rows_not_zero(const char* rows, int64_t num_rows, int64_t row_bytes);

}  // namespace distgnn
