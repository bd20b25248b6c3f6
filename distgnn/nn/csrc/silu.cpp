#include "silu.h"

#include "ranges.h"
#include "rows.h"

namespace distgnn {
namespace {

constexpr int64_t kGrain = 1 << 16;

template <class T>
DISTGNN_INLINE void slope(const T* __restrict x, const T* __restrict s, const T* __restrict g, T* __restrict out,
                          int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; ++k) out[k] = g[k] * s[k] * (T(1) + x[k] * (T(1) - s[k]));
}

template <class T>
DISTGNN_INLINE void curve(const T* __restrict x, const T* __restrict s, const T* __restrict g, const T* __restrict h,
                          T* __restrict by_g, T* __restrict by_x, int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; ++k) {
    const T rest = T(1) - s[k];
    const T scaled = h[k] * s[k];
    by_g[k] = scaled * (T(1) + x[k] * rest);
    by_x[k] = scaled * g[k] * rest * (T(2) + x[k] * (rest - s[k]));
  }
}

#define DISTGNN_RANGES(T)                                                                                            \
  DISTGNN_CLONES void slope_range(const T* x, const T* s, const T* g, T* out, int64_t begin, int64_t end) {          \
    slope(x, s, g, out, begin, end);                                                                                 \
  }                                                                                                                  \
  DISTGNN_CLONES void curve_range(const T* x, const T* s, const T* g, const T* h, T* by_g, T* by_x, int64_t begin,   \
                                  int64_t end) {                                                                     \
    curve(x, s, g, h, by_g, by_x, begin, end);                                                                       \
  }
DISTGNN_RANGES(float)
DISTGNN_RANGES(double)
#undef DISTGNN_RANGES

}  // namespace

template <class T>
void silu_slope(const T* x, const T* s, const T* g, T* out, int64_t count, int num_threads) {
  for_range(count, kGrain, num_threads, [&](int64_t begin, int64_t end) {
    slope_range(x, s, g, out, begin, end);
    return true;
  });
}

template <class T>
void silu_curve(const T* x, const T* s, const T* g, const T* h, T* by_g, T* by_x, int64_t count, int num_threads) {
  for_range(count, kGrain, num_threads, [&](int64_t begin, int64_t end) {
    curve_range(x, s, g, h, by_g, by_x, begin, end);
    return true;
  });
}

template void silu_slope(const float*, const float*, const float*, float*, int64_t, int);
template void silu_slope(const double*, const double*, const double*, double*, int64_t, int);
template void silu_curve(const float*, const float*, const float*, const float*, float*, float*, int64_t, int);
template void silu_curve(const double*, const double*, const double*, const double*, double*, double*, int64_t, int);

}  // namespace distgnn
