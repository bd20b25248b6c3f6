// Python bindings of what the models on atoms compute.
#pragma once

#include <pybind11/pybind11.h>

namespace distgnn {

void bind_geometry(pybind11::module_& m);

}  // namespace distgnn
