// Copies that write past the caches: for outputs far larger than a cache, which would only push out
// what is of use, and whose lines would be read from memory before they are overwritten.
#pragma once

#include <cstdint>

namespace distgnn {

constexpr int64_t kStreamingUnit = 64;

// Copies num_bytes, a multiple of kStreamingUnit, to a target aligned to it.
using StreamingCopy = void (*)(char* target, const char* source, int64_t num_bytes);

// The widest that this processor has, or null. Stores of 16 bytes are not worth it: beside many
// reads, half-written lines are flushed, and they are slower than ordinary ones (1.7 times slower
// than stores of 64 bytes on Granite Rapids).
StreamingCopy streaming_copy();

// Makes what this thread has streamed visible to others, as ordinary stores are.
void end_streaming();

}  // namespace distgnn
