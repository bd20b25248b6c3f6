// Walks that take their steps together, so that their visits to memory overlap.
//
// `Lists` gives the neighbours of nodes:
//   List list(node)          with a member `degree` and a method prefetch(place)
//   node at(list, place)
//   bool contains(list, node)
//   void prefetch(node)      ahead of list(node)
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "rng.h"

namespace distgnn {

constexpr int kWalksTogether = 32;
// Draws that may be turned down before all edges of a node are weighed.
constexpr int kMaxTrials = 32;
// A walk that came from nowhere.
constexpr int64_t kNowhere = -1;

// Uniform in [0, 1).
inline double uniform32(Stream& stream) {
  return static_cast<double>(stream.next32()) * 0x1.0p-32;
}

// What weighs an edge of node2vec (Grover and Leskovec 2016): from t through v to x it is 1 / p if
// x = t, 1 if there is an edge from t to x, and else 1 / q.
struct WalkBias {
  WalkBias(double p, double q)
      : back(1 / p),
        away(1 / q),
        lowest(std::min(1.0, away)),
        highest(std::max(1.0, away)),
        largest(std::max(back, highest)),
        is_uniform(p == 1 && q == 1) {}

  double back, away;
  double lowest, highest;  // of the edges that do not lead back
  double largest;
  bool is_uniform;
};

// Up to kWalksTogether walks on their way. Call start(), then step() for each step.
template <class Lists>
class WalkGroup {
 public:
  using List = decltype(std::declval<const Lists&>().list(0));

  WalkGroup(const Lists& lists, const WalkBias& bias) : lists_(lists), bias_(bias) {}

  void start(int walk, int64_t node, uint64_t key) {
    streams_[walk] = Stream(key);
    jump(walk, node);
    lists_.prefetch(node);
  }

  int64_t node(int walk) const { return node_[walk]; }
  Stream& stream(int walk) { return streams_[walk]; }
  // Puts a walk somewhere, as if it had just started there.
  void jump(int walk, int64_t node) {
    node_[walk] = node;
    from_[walk] = kNowhere;
  }

  // Takes walks 0 ... count - 1 on by an edge, except those that `rests(walk)` holds back, which
  // start anew where they are, and those at a node without neighbours, which stay.
  template <class Rests>
  void step(int count, const Rests& rests) {
    int num_active = 0;
    for (int i = 0; i < count; ++i) {
      if (rests(i)) continue;
      lists_here_[i] = lists_.list(node_[i]);
      if (lists_here_[i].degree > 0) active_[num_active++] = i;
    }
    num_moving_ = num_active;
    std::copy(active_, active_ + num_active, moving_);
    for (int trial = 0; num_active > 0; ++trial) num_active = try_edges(num_active, trial);
    for (int m = 0; m < num_moving_; ++m) {
      const int i = moving_[m];
      from_[i] = node_[i];
      from_lists_[i] = lists_here_[i];
      node_[i] = next_[i];
      lists_.prefetch(node_[i]);
    }
  }

 private:
  // Draws an edge for each active walk; keeps those whose draw is turned down. Returns how many.
  int try_edges(int num_active, int trial) {
    for (int a = 0; a < num_active; ++a) {
      const int i = active_[a];
      place_[i] = streams_[i].below(lists_here_[i].degree);
      lists_here_[i].prefetch(place_[i]);
    }
    int num_left = 0, num_unsure = 0;
    for (int a = 0; a < num_active; ++a) {
      const int i = active_[a];
      const int64_t next = next_[i] = lists_.at(lists_here_[i], place_[i]);
      if (bias_.is_uniform || from_[i] == kNowhere) continue;
      const double bound = bound_[i] = uniform32(streams_[i]) * bias_.largest;
      // Most bounds are too low or too high for it to matter whether there is an edge from where
      // the walk came from, which is slow to look up.
      if (next == from_[i]) {
        if (bound >= bias_.back) active_[num_left++] = i;
      } else if (bound >= bias_.highest) {
        active_[num_left++] = i;
      } else if (bound >= bias_.lowest) {
        from_lists_[i].prefetch(0);
        unsure_[num_unsure++] = i;
      }
    }
    for (int u = 0; u < num_unsure; ++u) {
      const int i = unsure_[u];
      if (bound_[i] >= weight(i, next_[i])) active_[num_left++] = i;
    }
    if (trial + 1 < kMaxTrials) return num_left;
    for (int a = 0; a < num_left; ++a) weigh_all(active_[a]);
    return 0;
  }

  double weight(int walk, int64_t next) const {
    if (next == from_[walk]) return bias_.back;
    return lists_.contains(from_lists_[walk], next) ? 1.0 : bias_.away;
  }

  void weigh_all(int walk) {
    const List& list = lists_here_[walk];
    double total = 0;
    for (uint32_t i = 0; i < list.degree; ++i) total += weight(walk, lists_.at(list, i));
    double left = uniform32(streams_[walk]) * total;
    for (uint32_t i = 0; i < list.degree; ++i) {
      next_[walk] = lists_.at(list, i);
      left -= weight(walk, next_[walk]);
      if (left < 0) return;
    }
  }

  const Lists& lists_;
  const WalkBias& bias_;
  Stream streams_[kWalksTogether];
  int64_t node_[kWalksTogether], from_[kWalksTogether], next_[kWalksTogether];
  List lists_here_[kWalksTogether], from_lists_[kWalksTogether];
  uint32_t place_[kWalksTogether];
  double bound_[kWalksTogether];
  int active_[kWalksTogether], moving_[kWalksTogether], unsure_[kWalksTogether];
  int num_moving_ = 0;
};

}  // namespace distgnn
