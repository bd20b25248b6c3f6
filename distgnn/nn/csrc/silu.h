// First and second derivative of SiLU, x sigmoid(x), each in one pass over memory.
#pragma once

#include <cstdint>

namespace distgnn {

// out = g f'(x), given s = sigmoid(x).
template <class T>
void silu_slope(const T* x, const T* s, const T* g, T* out, int64_t count, int num_threads);

// The gradients of silu_slope's result times h: by_g = h f'(x), by_x = h g f''(x).
template <class T>
void silu_curve(const T* x, const T* s, const T* g, const T* h, T* by_g, T* by_x, int64_t count, int num_threads);

}  // namespace distgnn
