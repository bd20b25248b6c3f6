// Threads over the rows of an adjacency.
#pragma once

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "csc.h"

namespace distgnn {

// Below this much work (numbers read) a second thread costs more than it brings.
constexpr int64_t kWorkPerThread = 1 << 17;
// Chunks per thread: enough that a thread which is held up does not hold up the others.
constexpr int64_t kChunksPerThread = 8;

// First row of chunk `chunk` of `num_chunks`, with edges and rows shared out evenly.
inline int64_t chunk_begin(const Csc& csc, int64_t chunk, int64_t num_chunks) {
  const int64_t work = csc.num_edges() + csc.num_dst;
  const int64_t goal = work / num_chunks * chunk + work % num_chunks * chunk / num_chunks;
  int64_t low = 0, high = csc.num_dst;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (csc.indptr[middle] + middle < goal) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Calls run(begin, end) for ranges that cover all rows, on up to `num_threads` threads.
// `run` returns whether all went well; so does this function. `width`: numbers read per edge.
template <class Run>
bool for_rows(const Csc& csc, int64_t width, int num_threads, Run run) {
  const int64_t work = (csc.num_edges() + csc.num_dst) * width;
  const int64_t threads = std::clamp<int64_t>(work / kWorkPerThread, 1, std::max(num_threads, 1));
  if (threads == 1) return run(0, csc.num_dst);
  const int64_t num_chunks = threads * kChunksPerThread;
  std::atomic<int64_t> next{0};
  std::atomic<bool> good{true};
  auto work_off = [&] {
    for (int64_t chunk = next++; chunk < num_chunks && good; chunk = next++) {
      const int64_t end = chunk + 1 == num_chunks ? csc.num_dst : chunk_begin(csc, chunk + 1, num_chunks);
      if (!run(chunk_begin(csc, chunk, num_chunks), end)) good = false;
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
