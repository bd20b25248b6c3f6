#include "gather.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "convert.h"
#include "errors.h"
#include "parallel.h"
#include "prefetch.h"
#include "streaming.h"

namespace distgnn {
namespace {

constexpr uintptr_t kCacheLineBytes = 64;
// Bytes of rows fetched ahead of the copy.
constexpr int64_t kBytesAhead = 16384;
constexpr int64_t kMaxRowsAhead = 64;
// Longer rows are left to the processor's own prefetcher after so many bytes.
constexpr int64_t kMaxPrefetchedBytes = 1024;
constexpr int64_t kRowsPerChunk = 2048;
// Outputs beyond a core's cache are streamed.
constexpr int64_t kStreamingBytes = int64_t{2} << 20;

// Every line that the row touches: rows seldom begin at a line, and the last one, if it is missed,
// costs as much as all others together.
void prefetch_bytes(const char* address, int64_t num_bytes) {
  const uintptr_t end =
      reinterpret_cast<uintptr_t>(address) + std::min(num_bytes, kMaxPrefetchedBytes);
  uintptr_t line = reinterpret_cast<uintptr_t>(address) / kCacheLineBytes * kCacheLineBytes;
  for (; line < end; line += kCacheLineBytes) prefetch_far(reinterpret_cast<const char*>(line));
}

void plain_copy(char* target, const char* source, int64_t num_bytes) {
  std::memcpy(target, source, static_cast<size_t>(num_bytes));
}

// How to write rows of `row_bytes` to an output of `num_bytes`.
StreamingCopy writer_for(int64_t row_bytes, int64_t num_bytes) {
  static const StreamingCopy streaming = streaming_copy();
  const bool fits = row_bytes % kStreamingUnit == 0 && num_bytes >= kStreamingBytes;
  return fits && streaming != nullptr ? streaming : plain_copy;
}

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
  const int64_t ahead =
      std::clamp<int64_t>(kBytesAhead / std::max<int64_t>(row_bytes_, 1), 4, kMaxRowsAhead);
  parallel_chunks(num_threads, count, kRowsPerChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < std::min(begin + ahead, end); ++i) {
      prefetch_bytes(row(ids[i]), row_bytes_);
    }
    for (int64_t i = begin; i < end; ++i) {
      if (i + ahead < end) prefetch_bytes(row(ids[i + ahead]), row_bytes_);
      copy(out + i * out_bytes, row(ids[i]));
    }
    end_streaming();
  });
}

template <class Value>
void DenseRows::gather_converted(const int64_t* ids, int64_t count, char* out,
                                 int num_threads) const {
  const int64_t out_bytes = output_row_bytes();
  const StreamingCopy write = writer_for(out_bytes, count * out_bytes);
  if (write == plain_copy) {
    return gather_with(ids, count, out, num_threads, [&](char* target, const char* source) {
      convert_row<Value>(target, source, row_elements_);
    });
  }
  gather_with(ids, count, out, num_threads, [&](char* target, const char* source) {
    thread_local std::vector<char> converted;
    if (static_cast<int64_t>(converted.size()) < out_bytes) converted.resize(out_bytes);
    convert_row<Value>(converted.data(), source, row_elements_);
    write(target, converted.data(), out_bytes);
  });
}

void DenseRows::gather(const int64_t* ids, int64_t count, char* out, int num_threads) const {
  switch (storage_) {
    case Storage::kBytes:
    case Storage::kFloat32: {
      const StreamingCopy write = writer_for(row_bytes_, count * row_bytes_);
      return gather_with(ids, count, out, num_threads, [&](char* target, const char* source) {
        write(target, source, row_bytes_);
      });
    }
    case Storage::kFloat16: return gather_converted<Float16>(ids, count, out, num_threads);
    case Storage::kBfloat16: return gather_converted<Bfloat16>(ids, count, out, num_threads);
    case Storage::kFloat64: return gather_converted<double>(ids, count, out, num_threads);
    case Storage::kInt8: return gather_converted<int8_t>(ids, count, out, num_threads);
    case Storage::kUint8: return gather_converted<uint8_t>(ids, count, out, num_threads);
    case Storage::kInt16: return gather_converted<int16_t>(ids, count, out, num_threads);
    case Storage::kInt32: return gather_converted<int32_t>(ids, count, out, num_threads);
    case Storage::kInt64: return gather_converted<int64_t>(ids, count, out, num_threads);
  }
}

template <class Value>
void SparseRows::gather_values(const int64_t* ids, int64_t count, float* out,
                               int num_threads) const {
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
