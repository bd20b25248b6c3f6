#ifndef DISTGNN_PARTITION_LOADS_H_
#define DISTGNN_PARTITION_LOADS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace distgnn {

// What every node weighs under each of several constraints, and how much a part may hold.
struct Weights {
  const int64_t* values;  // [num_nodes, num_constraints], not negative
  int64_t num_nodes;
  int num_constraints;
  int32_t num_parts;
  // A part holds at most slack x its equal share of every constraint, rounded down, but never less
  // than the equal share rounded up.
  double slack;

  const int64_t* of(int64_t node) const { return values + node * num_constraints; }
};

// The loads of the parts. The relative load of a part is the largest, over the constraints, of its
// load divided by the equal share: 1 is an exactly balanced part.
class Loads {
 public:
  explicit Loads(const Weights& weights)
      : num_constraints_(weights.num_constraints),
        loads_(static_cast<std::size_t>(weights.num_parts) * weights.num_constraints, 0),
        relative_(weights.num_parts, 0.0) {
    for (int c = 0; c < num_constraints_; ++c) {
      int64_t total = 0;
      for (int64_t v = 0; v < weights.num_nodes; ++v)
        total += weights.of(v)[c];
      const double share = static_cast<double>(total) / weights.num_parts;
      inverse_share_.push_back(share > 0 ? 1 / share : 0);
      capacity_.push_back(
          static_cast<int64_t>(std::max(std::floor(share * weights.slack), std::ceil(share))));
    }
  }

  double relative(int32_t part) const { return relative_[part]; }

  // Relative load of the part if a node of this weight were added.
  double relative_with(int32_t part, const int64_t* weight) const {
    double largest = 0;
    for (int c = 0; c < num_constraints_; ++c) {
      const double load = static_cast<double>(load_of(part)[c] + weight[c]);
      largest = std::max(largest, load * inverse_share_[c]);
    }
    return largest;
  }

  bool has_room(int32_t part, const int64_t* weight) const {
    for (int c = 0; c < num_constraints_; ++c)
      if (load_of(part)[c] + weight[c] > capacity_[c])
        return false;
    return true;
  }

  // Whether the part exceeds a capacity to which a node of this weight contributes.
  bool is_overfull(int32_t part, const int64_t* weight) const {
    for (int c = 0; c < num_constraints_; ++c)
      if (weight[c] > 0 && load_of(part)[c] > capacity_[c])
        return true;
    return false;
  }

  // By how much the excess over capacities, in equal shares and summed over parts and constraints,
  // grows if a node of this weight moves; below 0 if it shrinks.
  double excess_change(int32_t from, int32_t to, const int64_t* weight) const {
    return excess(to, weight, 1) - excess(to, weight, 0) + excess(from, weight, -1) -
           excess(from, weight, 0);
  }

  void add(int32_t part, const int64_t* weight) { change(part, weight, 1); }
  void remove(int32_t part, const int64_t* weight) { change(part, weight, -1); }

 private:
  double excess(int32_t part, const int64_t* weight, int64_t sign) const {
    double sum = 0;
    for (int c = 0; c < num_constraints_; ++c) {
      const int64_t over = load_of(part)[c] + sign * weight[c] - capacity_[c];
      if (over > 0)
        sum += static_cast<double>(over) * inverse_share_[c];
    }
    return sum;
  }

  const int64_t* load_of(int32_t part) const {
    return loads_.data() + static_cast<std::size_t>(part) * num_constraints_;
  }

  void change(int32_t part, const int64_t* weight, int64_t sign) {
    int64_t* load = loads_.data() + static_cast<std::size_t>(part) * num_constraints_;
    double largest = 0;
    for (int c = 0; c < num_constraints_; ++c) {
      load[c] += sign * weight[c];
      largest = std::max(largest, static_cast<double>(load[c]) * inverse_share_[c]);
    }
    relative_[part] = largest;
  }

  int num_constraints_;
  std::vector<int64_t> loads_;  // [num_parts, num_constraints]
  std::vector<double> relative_;
  std::vector<double> inverse_share_;
  std::vector<int64_t> capacity_;
};

}  // namespace distgnn

#endif  // DISTGNN_PARTITION_LOADS_H_
