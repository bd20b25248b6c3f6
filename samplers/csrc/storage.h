// Types of stored values by the names that the schema gives them.
#pragma once

#include <map>
#include <string>

#include "arrays.h"
#include "gather.h"

namespace distgnn {

struct StoredType {
  Storage storage;
  int64_t item_bytes;  // 0: any
};

inline StoredType stored_type(const std::string& name) {
  static const std::map<std::string, StoredType> types = {
      {"bytes", {Storage::kBytes, 0}},       {"float32", {Storage::kFloat32, 4}},
      {"float64", {Storage::kFloat64, 8}},   {"float16", {Storage::kFloat16, 2}},
      {"bfloat16", {Storage::kBfloat16, 2}}, {"int8", {Storage::kInt8, 1}},
      {"uint8", {Storage::kUint8, 1}},       {"bool", {Storage::kUint8, 1}},
      {"int16", {Storage::kInt16, 2}},       {"int32", {Storage::kInt32, 4}},
      {"int64", {Storage::kInt64, 8}},
  };
  const auto found = types.find(name);
  if (found != types.end()) return found->second;
  throw ArgumentError("rows are stored as " + name + ", which is not known here");
}

inline void check_item_bytes(const py::array& array, const StoredType& type,
                             const std::string& dtype) {
  if (type.item_bytes != 0 && array.itemsize() != type.item_bytes) {
    throw ArgumentError("rows are said to be stored as " + dtype + ", but are " + describe(array));
  }
}

}  // namespace distgnn
