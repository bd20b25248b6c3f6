#ifndef DISTGNN_PARTITION_STREAMING_H_
#define DISTGNN_PARTITION_STREAMING_H_

#include <cstdint>

#include "loads.h"

namespace distgnn {

// What the streaming partitioners read. A node that fits nowhere goes where it overflows least, so
// that a capacity is exceeded by less than the heaviest node.
struct StreamInput {
  const int64_t* indptr;   // [num_nodes + 1]
  const int32_t* indices;  // neighbours
  const int32_t* order;    // [num_nodes], a permutation: the order of the stream
  Weights weights;
};

// Linear deterministic greedy: Stanton and Kliot, "Streaming graph partitioning for large
// distributed graphs", KDD 2012. Node v goes to the part p with the largest
// |N(v) in p| x (1 - load(p) / capacity); ties to the least loaded part, then to the first.
void ldg(const StreamInput& input, int32_t* assignment);

// Fennel: Tsourakakis, Gkantsidis, Radunovic and Vojnovic, "FENNEL: streaming graph partitioning
// for massive scale graphs", WSDM 2014. Node v goes to the part p with the largest
// |N(v) in p| - alpha x gamma x load(p)^(gamma - 1), gamma = 1.5, alpha = m x sqrt(k) / n^1.5.
void fennel(const StreamInput& input, int32_t* assignment);

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_STREAMING_H_
