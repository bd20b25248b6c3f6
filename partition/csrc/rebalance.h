#ifndef DISTGNN_PARTITION_REBALANCE_H_
#define DISTGNN_PARTITION_REBALANCE_H_

#include <cstdint>

#include "loads.h"

namespace distgnn {

// Moves nodes out of parts that exceed their capacity under some constraint, in place. Those go
// first that lose the fewest neighbours by it, each to the part with the most of its neighbours
// among those that make the excess of all parts and constraints together smaller. Nothing moves
// while every part is within its capacity; what cannot be balanced this way stays.
void rebalance(const int64_t* indptr,
               const int32_t* indices,
               const Weights& weights,
               int32_t* assignment);

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_REBALANCE_H_
