#pragma once

#include <pybind11/pybind11.h>

namespace distgnn {

void bind_topology(pybind11::module_& module);
void bind_columns(pybind11::module_& module);
void bind_hop(pybind11::module_& module);
void bind_neighbor(pybind11::module_& module);
void bind_gather(pybind11::module_& module);
void bind_routing(pybind11::module_& module);
void bind_walk(pybind11::module_& module);
void bind_negative(pybind11::module_& module);
void bind_subgraph(pybind11::module_& module);

}  // namespace distgnn
