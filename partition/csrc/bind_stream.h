#ifndef DISTGNN_PARTITION_BIND_STREAM_H_
#define DISTGNN_PARTITION_BIND_STREAM_H_

#include <pybind11/pybind11.h>

namespace distgnn {

// What partitions a graph that is read a block of rows at a time.
void bind_stream(pybind11::module_& m);

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_BIND_STREAM_H_
