// The compiled module distgnn.samplers._kernels.
#include <pybind11/pybind11.h>

#include "bind.h"
#include "errors.h"

namespace py = pybind11;

namespace {

void set_error(const char* name, const char* message) {
  py::set_error(py::module_::import("distgnn.exceptions").attr(name), message);
}

}  // namespace

PYBIND11_MODULE(_kernels, module) {
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const distgnn::ArgumentError& caught) {
      set_error("ArgumentError", caught.what());
    } catch (const distgnn::NoNegativesError& caught) {
      set_error("NoNegativesError", caught.what());
    } catch (const distgnn::ShardCorruptError& caught) {
      set_error("ShardCorruptError", caught.what());
    }
  });
  distgnn::bind_topology(module);
  distgnn::bind_columns(module);
  distgnn::bind_hop(module);
  distgnn::bind_neighbor(module);
  distgnn::bind_gather(module);
  distgnn::bind_routing(module);
  distgnn::bind_walk(module);
  distgnn::bind_negative(module);
  distgnn::bind_subgraph(module);
}
