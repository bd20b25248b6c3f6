#include "gather.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "convert.h"
#include "errors.h"
#include "parallel.h"
#include "prefetch.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace distgnn {
namespace {

constexpr int64_t kCacheLineBytes = 64;
// Bytes of rows fetched ahead of the copy.
constexpr int64_t kBytesAhead = 8192;
constexpr int64_t kMaxRowsAhead = 64;
// Longer rows are left to the processor's own prefetcher after so many bytes.
constexpr int64_t kMaxPrefetchedBytes = 1024;
constexpr int64_t kRowsPerChunk = 2048;
// Outputs beyond a core's cache are written past it: they would only push out what is of use.
constexpr int64_t kStreamingBytes = int64_t{2} << 20;

void prefetch_bytes(const char* address, int64_t num_bytes) {
  for (int64_t i = 0; i < std::min(num_bytes, kMaxPrefetchedBytes); i += kCacheLineBytes) {
    prefetch_for_read(address + i);
  }
}

#if defined(__SSE2__)
constexpr bool kHasStreaming = true;

// num_bytes a multiple of 16, target aligned to 16.
void stream_bytes(char* target, const char* source, int64_t num_bytes) {
  for (int64_t i = 0; i < num_bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(target + i),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + i)));
  }
}

void end_streaming() { _mm_sfence(); }
#else
constexpr bool kHasStreaming = false;

void stream_bytes(char* target, const char* source, int64_t num_bytes) {
  std::memcpy(target, source, static_cast<size_t>(num_bytes));
}

void end_streaming() {}
#endif

template <class Value>
void convert_row(char* target, const char* source, int64_t num_elements) {
  float* const out = reinterpret_cast<float*>(target);
  const Value* const values = reinterpret_cast<const Value*>(source);
  for (int64_t i = 0; i < num_elements; ++i) out[i] = to_float(values[i]);
}

}  // namespace

template <class Copy>
void DenseRows::gather_with(const int64_t* ids, int64_t count, char* out, int num_threads,
                            const Copy& copy) const {
  const int64_t out_bytes = output_row_bytes();
  const int64_t ahead = std::clamp<int64_t>(kBytesAhead / std::max<int64_t>(row_bytes_, 1), 4, kMaxRowsAhead);
  parallel_chunks(num_threads, count, kRowsPerChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < std::min(begin + ahead, end); ++i) prefetch_bytes(row(ids[i]), row_bytes_);
    for (int64_t i = begin; i < end; ++i) {
      if (i + ahead < end) prefetch_bytes(row(ids[i + ahead]), row_bytes_);
      copy(out + i * out_bytes, row(ids[i]));
    }
    end_streaming();
  });
}

void DenseRows::gather(const int64_t* ids, int64_t count, char* out, int num_threads) const {
  const auto converting = [&](auto value) {
    gather_with(ids, count, out, num_threads, [&](char* target, const char* source) {
      convert_row<decltype(value)>(target, source, row_elements_);
    });
  };
  switch (storage_) {
    case Storage::kBytes:
    case Storage::kFloat32:
      if (kHasStreaming && row_bytes_ % 16 == 0 && count * row_bytes_ >= kStreamingBytes) {
        return gather_with(ids, count, out, num_threads, [&](char* target, const char* source) {
          stream_bytes(target, source, row_bytes_);
        });
      }
      return gather_with(ids, count, out, num_threads, [&](char* target, const char* source) {
        std::memcpy(target, source, static_cast<size_t>(row_bytes_));
      });
    case Storage::kFloat16: return converting(Float16{});
    case Storage::kBfloat16: return converting(Bfloat16{});
    case Storage::kFloat64: return converting(double{});
    case Storage::kInt8: return converting(int8_t{});
    case Storage::kUint8: return converting(uint8_t{});
    case Storage::kInt16: return converting(int16_t{});
    case Storage::kInt32: return converting(int32_t{});
    case Storage::kInt64: return converting(int64_t{});
  }
}

template <class Value>
void SparseRows::gather_values(const int64_t* ids, int64_t count, float* out, int num_threads) const {
  parallel_chunks(num_threads, count, kRowsPerChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t part_number = owned_.part_of(ids[i]);
      const SparsePart& part = parts_[part_number];
      const int64_t local = ids[i] - owned_.begin(part_number);
      const int64_t first = part.indptr[local];
      const int64_t last = part.indptr[local + 1];
      const Value* const values = reinterpret_cast<const Value*>(part.values);
      float* const row = out + i * dim_;
      bool in_range = first >= 0 && first <= last && last <= part.num_values;
      std::fill(row, row + dim_, 0.0f);
      for (int64_t at = first; in_range && at < last; ++at) {
        const int64_t column = part.indices[at];
        in_range = column >= 0 && column < dim_;
        if (in_range) row[column] = to_float(values[at]);
      }
      if (!in_range) {
        throw ShardCorruptError("the sparse row of global id " + std::to_string(ids[i]) +
                                " points outside its matrix: a shard file is damaged; run "
                                "`distgnn verify` on the graph, and partition or copy it again");
      }
    }
  });
}

void SparseRows::gather(const int64_t* ids, int64_t count, char* out_bytes, int num_threads) const {
  float* const out = reinterpret_cast<float*>(out_bytes);
  switch (storage_) {
    case Storage::kBytes: throw ArgumentError("sparse rows become float32: name their type");
    case Storage::kFloat32: return gather_values<float>(ids, count, out, num_threads);
    case Storage::kFloat16: return gather_values<Float16>(ids, count, out, num_threads);
    case Storage::kBfloat16: return gather_values<Bfloat16>(ids, count, out, num_threads);
    case Storage::kFloat64: return gather_values<double>(ids, count, out, num_threads);
    case Storage::kInt8: return gather_values<int8_t>(ids, count, out, num_threads);
    case Storage::kUint8: return gather_values<uint8_t>(ids, count, out, num_threads);
    case Storage::kInt16: return gather_values<int16_t>(ids, count, out, num_threads);
    case Storage::kInt32: return gather_values<int32_t>(ids, count, out, num_threads);
    case Storage::kInt64: return gather_values<int64_t>(ids, count, out, num_threads);
  }
}

}  // namespace distgnn
