// Lists of neighbours as Python holds them.
#pragma once

#include <memory>

#include "adjacency.h"
#include "topology.h"

namespace distgnn {

struct PyAdjacency {
  std::shared_ptr<PyTopology> topology;  // whose arrays the lists may be
  Adjacency lists;
};

}  // namespace distgnn
