// Exceptions that reach Python as those of distgnn.exceptions (see module.cpp).
#pragma once

#include <stdexcept>
#include <string>

namespace distgnn {

struct ArgumentError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct NoNegativesError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct ShardCorruptError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace distgnn
