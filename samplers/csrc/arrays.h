// numpy arrays at the border: checked views coming in, pooled blocks going out.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "errors.h"
#include "graph.h"
#include "pool.h"

namespace distgnn {

namespace py = pybind11;

inline std::string describe(const py::array& array) {
  return py::str("{} {}").format(array.dtype(), array.attr("shape"));
}

// Throws ArgumentError unless `value` is a contiguous one-dimensional array of T.
template <class T>
py::array checked_vector(const py::handle& value, const std::string& name) {
  const std::string wanted =
      py::cast<std::string>(py::str(py::object(py::dtype::of<T>()))) + " [n], contiguous";
  if (!py::isinstance<py::array>(value)) {
    throw ArgumentError(name + " must be a numpy array " + wanted + ", got " +
                        py::cast<std::string>(py::str(py::type::of(value).attr("__name__"))));
  }
  const py::array array = py::reinterpret_borrow<py::array>(value);
  if (!array.dtype().equal(py::dtype::of<T>()) || array.ndim() != 1 ||
      !(array.flags() & py::array::c_style)) {
    throw ArgumentError(name + " must be " + wanted + ", got " + describe(array));
  }
  return array;
}

template <class T>
const T* pointer(const py::array& array) {
  return static_cast<const T*>(array.data());
}

// Throws ArgumentError unless `value` is int64, starts at 0 and does not decrease.
inline Ranges checked_ranges(const py::handle& value, const std::string& name) {
  const py::array array = checked_vector<int64_t>(value, name);
  const int64_t* begin = pointer<int64_t>(array);
  std::vector<int64_t> offsets(begin, begin + array.size());
  if (offsets.size() < 2 || offsets.front() != 0 ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    throw ArgumentError(name + " must rise from 0 and have an entry more than there are parts");
  }
  return Ranges(std::move(offsets));
}

// Throws ArgumentError if an id is outside 0 ... size - 1.
inline void check_ids(const int64_t* ids, int64_t count, int64_t size, const std::string& name) {
  for (int64_t i = 0; i < count; ++i) {
    if (ids[i] < 0 || ids[i] >= size) {
      throw ArgumentError(name + " hold " + std::to_string(ids[i]) + " at place " +
                          std::to_string(i) + ", outside the ids 0 to " + std::to_string(size - 1));
    }
  }
}

inline void check_num_threads(int num_threads) {
  if (num_threads < 1) {
    throw ArgumentError("num_threads must be at least 1, got " + std::to_string(num_threads));
  }
}

inline uint64_t not_negative(int64_t value, const char* name) {
  if (value < 0) {
    throw ArgumentError(std::string(name) + " must not be negative, got " + std::to_string(value));
  }
  return static_cast<uint64_t>(value);
}

// Throws ArgumentError unless `fanout` is one.
inline void check_fanout(int64_t fanout) {
  if (fanout >= 1 || fanout == -1) return;
  throw ArgumentError("a fanout must be at least 1, or -1 for all neighbours, got " +
                      std::to_string(fanout));
}

// An array over `block`, which goes back to its pool when the array and all its views are gone.
inline py::array array_over(std::shared_ptr<Block> block, const py::dtype& dtype,
                            std::vector<py::ssize_t> shape) {
  void* data = block->data();
  auto* owner = new std::shared_ptr<Block>(std::move(block));
  const py::capsule base(
      owner, [](void* pointer) { delete static_cast<std::shared_ptr<Block>*>(pointer); });
  return py::array(dtype, std::move(shape), data, base);
}

template <class T>
py::array array_over(const PooledArray<T>& values) {
  return array_over(values.block(), py::dtype::of<T>(), {values.size()});
}

// An array that owns `values`.
template <class T>
py::array array_of(std::vector<T> values) {
  auto* owner = new std::vector<T>(std::move(values));
  const py::capsule base(owner,
                         [](void* pointer) { delete static_cast<std::vector<T>*>(pointer); });
  return py::array(py::dtype::of<T>(), {static_cast<py::ssize_t>(owner->size())}, owner->data(),
                   base);
}

}  // namespace distgnn
