// Rows of a partitioned matrix, by global id, into one pooled buffer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "graph.h"
#include "pool.h"

namespace distgnn {

// The type of stored values. kBytes stands for any: such rows are copied as they are.
enum class Storage {
  kBytes,
  kFloat32,
  kFloat64,
  kFloat16,
  kBfloat16,
  kInt8,
  kUint8,
  kInt16,
  kInt32,
  kInt64
};

// Dense rows, which become float32 unless they are copied as they are.
class DenseRows {
 public:
  DenseRows(Ranges owned, std::vector<const char*> parts, Storage storage, int64_t row_bytes,
            int64_t row_elements)
      : owned_(std::move(owned)),
        parts_(std::move(parts)),
        storage_(storage),
        row_bytes_(row_bytes),
        row_elements_(row_elements) {}

  const Ranges& owned() const { return owned_; }
  // A part that is not open here is null: none of its rows may be gathered.
  bool is_open(int64_t part) const { return parts_[part] != nullptr; }
  bool is_whole() const { return std::find(parts_.begin(), parts_.end(), nullptr) == parts_.end(); }
  int64_t output_row_bytes() const {
    return storage_ == Storage::kBytes ? row_bytes_ : row_elements_ * int64_t{sizeof(float)};
  }

  // out: [count, output_row_bytes()], aligned to a cache line.
  void gather(const int64_t* ids, int64_t count, char* out, int num_threads) const;

 private:
  const char* row(int64_t id) const {
    const int64_t part = owned_.part_of(id);
    return parts_[part] + (id - owned_.begin(part)) * row_bytes_;
  }
  template <class Copy>
  void gather_with(const int64_t* ids, int64_t count, char* out, int num_threads,
                   const Copy& copy) const;
  template <class Value>
  void gather_converted(const int64_t* ids, int64_t count, char* out, int num_threads) const;

  Ranges owned_;
  std::vector<const char*> parts_;
  Storage storage_;
  int64_t row_bytes_;
  int64_t row_elements_;
};

// All null for a part that is not open here.
struct SparsePart {
  const int64_t* indptr;   // [owned rows + 1]
  const int32_t* indices;  // [num_values]
  const char* values;      // [num_values], in the type of storage
  int64_t num_values;
};

// Sparse rows, made dense as float32.
class SparseRows {
 public:
  SparseRows(Ranges owned, std::vector<SparsePart> parts, Storage storage, int64_t dim)
      : owned_(std::move(owned)), parts_(std::move(parts)), storage_(storage), dim_(dim) {}

  const Ranges& owned() const { return owned_; }
  bool is_open(int64_t part) const { return parts_[part].indptr != nullptr; }
  bool is_whole() const {
    return std::all_of(parts_.begin(), parts_.end(),
                       [](const SparsePart& part) { return part.indptr != nullptr; });
  }
  int64_t output_row_bytes() const { return dim_ * int64_t{sizeof(float)}; }

  // Throws ShardCorruptError if a row or a column lies outside its matrix.
  void gather(const int64_t* ids, int64_t count, char* out, int num_threads) const;

 private:
  template <class Value>
  void gather_values(const int64_t* ids, int64_t count, float* out, int num_threads) const;

  Ranges owned_;
  std::vector<SparsePart> parts_;
  Storage storage_;
  int64_t dim_;
};

}  // namespace distgnn
