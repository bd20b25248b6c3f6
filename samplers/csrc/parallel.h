// A loop over chunks on a few threads of its own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace distgnn {

// Calls body(begin, end) for chunks that cover [0, count), in any order, on up to `num_threads`
// threads, this one included. The first exception is thrown here, after all threads have ended.
template <class Body>
void parallel_chunks(int num_threads, int64_t count, int64_t chunk, const Body& body) {
  const int64_t num_chunks = (count + chunk - 1) / chunk;
  if (num_threads <= 1 || num_chunks <= 1) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
  std::atomic<int64_t> next{0};
  std::exception_ptr error;
  std::mutex error_mutex;
  auto work = [&] {
    try {
      for (int64_t i = next++; i < num_chunks; i = next++) {
        body(i * chunk, std::min(count, (i + 1) * chunk));
      }
    } catch (...) {
      std::lock_guard<std::mutex> lock(error_mutex);
      if (!error) error = std::current_exception();
      next = num_chunks;
    }
  };
  std::vector<std::thread> threads;
  const int64_t num_helpers = std::min<int64_t>(num_threads, num_chunks) - 1;
  for (int64_t i = 0; i < num_helpers; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace distgnn
