// Python bindings of random walks and of what is learned from them.
#pragma once

#include <pybind11/pybind11.h>

namespace distgnn {

void bind_walks(pybind11::module_& m);

}  // namespace distgnn
