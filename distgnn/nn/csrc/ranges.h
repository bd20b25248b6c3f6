// Threads over a range of independent items.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace distgnn {

// Calls run(begin, end) for ranges that cover 0 .. count - 1, at least `grain` items each but the
// last, on up to `num_threads` threads. `run` returns whether all went well; so does this function.
template <class Run>
bool for_range(int64_t count, int64_t grain, int num_threads, Run run) {
  const int64_t threads = std::clamp<int64_t>(count / grain, 1, std::max(num_threads, 1));
  if (threads == 1) return run(0, count);
  std::atomic<int64_t> next{0};
  std::atomic<bool> good{true};
  auto work_off = [&] {
    for (int64_t begin = next.fetch_add(grain); begin < count && good; begin = next.fetch_add(grain)) {
      if (!run(begin, std::min(begin + grain, count))) good = false;
    }
  };
  std::vector<std::thread> others;
  others.reserve(static_cast<size_t>(threads - 1));
  for (int64_t i = 1; i < threads; ++i) others.emplace_back(work_off);
  work_off();
  for (auto& other : others) other.join();
  return good;
}

}  // namespace distgnn
