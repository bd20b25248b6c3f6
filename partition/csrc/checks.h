#ifndef DISTGNN_PARTITION_CHECKS_H_
#define DISTGNN_PARTITION_CHECKS_H_

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "buffer.h"
#include "loads.h"

// Checks of arguments that several bindings share, each message naming the argument and its value.
namespace distgnn {

namespace py = pybind11;

using Int64Array = py::array_t<int64_t, py::array::c_style>;
using Int32Array = py::array_t<int32_t, py::array::c_style>;

[[noreturn]] inline void fail(const std::string& message) {
  throw std::invalid_argument(message);
}

template <typename Array>
void check_vector(const char* name, const Array& array, int64_t size) {
  if (array.ndim() != 1)
    fail(std::string(name) + " has " + std::to_string(array.ndim()) +
         " dimensions: it must have 1");
  if (size >= 0 && array.size() != size)
    fail(std::string(name) + " has " + std::to_string(array.size()) + " values: it must have " +
         std::to_string(size));
}

inline void check_num_parts(int32_t num_parts) {
  if (num_parts < 1)
    fail("num_parts = " + std::to_string(num_parts) + " is below 1");
}

// Numpy takes the memory over, without a copy.
template <typename T>
py::array_t<T> to_numpy(Buffer<T> buffer) {
  const int64_t size = buffer.size();
  T* data = buffer.release();
  return py::array_t<T>(size, data, py::capsule(data, [](void* p) { std::free(p); }));
}

inline void check_adjacency(const Int64Array& indptr, const Int32Array& indices) {
  check_vector("indptr", indptr, -1);
  check_vector("indices", indices, -1);
  if (indptr.size() < 1)
    fail("indptr is empty: it must have one value more than there are nodes");
  const int64_t num_nodes = indptr.size() - 1;
  if (indptr.data()[0] != 0)
    fail("indptr[0] = " + std::to_string(indptr.data()[0]) + ": must be 0");
  for (int64_t v = 0; v < num_nodes; ++v)
    if (indptr.data()[v] > indptr.data()[v + 1])
      fail("indptr decreases after position " + std::to_string(v));
  if (indptr.data()[num_nodes] != indices.size())
    fail("indptr ends with " + std::to_string(indptr.data()[num_nodes]) + " but indices has " +
         std::to_string(indices.size()) + " values");
  for (int64_t i = 0; i < indices.size(); ++i)
    if (indices.data()[i] < 0 || indices.data()[i] >= num_nodes)
      fail("indices[" + std::to_string(i) + "] = " + std::to_string(indices.data()[i]) +
           " is not in [0, " + std::to_string(num_nodes) + ")");
}

inline Weights check_weights(const Int64Array& weights,
                               int64_t num_nodes,
                               int32_t num_parts,
                               double slack) {
  if (weights.ndim() != 2 || weights.shape(0) != num_nodes || weights.shape(1) < 1)
    fail("weights must have the shape [" + std::to_string(num_nodes) + ", at least 1]");
  for (int64_t i = 0; i < weights.size(); ++i)
    if (weights.data()[i] < 0)
      fail("weights holds " + std::to_string(weights.data()[i]) + ": no weight may be negative");
  check_num_parts(num_parts);
  if (!(slack >= 1))
    fail("slack = " + std::to_string(slack) + " is below 1");
  return {weights.data(), num_nodes, static_cast<int>(weights.shape(1)), num_parts, slack};
}

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_CHECKS_H_
