#include "edge_products.h"

#include <algorithm>
#include <vector>

#include "parallel.h"
#include "ranges.h"
#include "rows.h"

namespace distgnn {
namespace {

// Channels that are worked on at a time: what belongs to them stays in the first-level cache.
constexpr int64_t kBlock = 64;
// Numbers that a thread reads at least.
constexpr int64_t kGrain = 1 << 17;

int64_t grain_of(int64_t width) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(width, 1)); }

Csc csc_of(const EdgesAt& edges) { return {edges.indptr, edges.other, edges.order, edges.num_nodes, edges.num_nodes}; }

template <class T>
DISTGNN_INLINE void add_product(T* __restrict out, const T* __restrict a, const T* __restrict b, int64_t size) {
  for (int64_t k = 0; k < size; ++k) out[k] += a[k] * b[k];
}

template <class T>
DISTGNN_INLINE void product(T* __restrict out, const T* __restrict a, const T* __restrict b, int64_t size) {
  for (int64_t k = 0; k < size; ++k) out[k] = a[k] * b[k];
}

template <class T>
DISTGNN_INLINE void filtered_sum_rows(const EdgesAt& edges, Sizes s, const T* x, const T* w, T* out, int64_t begin,
                                      int64_t end) {
  const int64_t size = s.components * s.channels;
  for (int64_t n = begin; n < end; ++n) {
    T* row = out + n * size;
    std::fill(row, row + size, T(0));
    for (int64_t p = edges.indptr[n]; p < edges.indptr[n + 1]; ++p) {
      const int64_t e = edges.edge(p);
      const T* source = x + edges.other[e] * size;
      const T* filter = w + (e % s.basis) * s.channels;
      for (int64_t l = 0; l < s.components; ++l) {
        add_product(row + l * s.channels, source + l * s.channels, filter, s.channels);
      }
    }
  }
}

template <class T>
DISTGNN_INLINE void filtered_weight_rows(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes s, const T* a,
                                         const T* b, T* out, int64_t begin, int64_t end) {
  const int64_t size = s.components * s.channels;
  for (int64_t p = begin; p < end; ++p) {
    T* row = out + p * s.channels;
    std::fill(row, row + s.channels, T(0));
    for (int64_t e = p; e < num_edges; e += s.basis) {
      for (int64_t l = 0; l < s.components; ++l) {
        add_product(row, a + i[e] * size + l * s.channels, b + j[e] * size + l * s.channels, s.channels);
      }
    }
  }
}

template <class T>
DISTGNN_INLINE void outer_sum_rows(const EdgesAt& edges, Sizes s, const T* x, const T* d, T* out, int64_t begin,
                                   int64_t end) {
  const int64_t size = s.components * s.channels;
  for (int64_t n = begin; n < end; ++n) {
    T* row = out + n * size;
    std::fill(row, row + size, T(0));
    for (int64_t p = edges.indptr[n]; p < edges.indptr[n + 1]; ++p) {
      const int64_t e = edges.edge(p);
      const T* source = x + edges.other[e] * s.channels;
      for (int64_t l = 0; l < s.components; ++l) {
        add_scaled(row + l * s.channels, source, d[e * s.components + l], s.channels);
      }
    }
  }
}

template <class T>
DISTGNN_INLINE void outer_project_rows(const EdgesAt& edges, Sizes s, const T* a, const T* d, T* out, int64_t begin,
                                       int64_t end) {
  for (int64_t n = begin; n < end; ++n) {
    T* row = out + n * s.channels;
    std::fill(row, row + s.channels, T(0));
    for (int64_t p = edges.indptr[n]; p < edges.indptr[n + 1]; ++p) {
      const int64_t e = edges.edge(p);
      const T* source = a + edges.other[e] * s.components * s.channels;
      for (int64_t l = 0; l < s.components; ++l) {
        add_scaled(row, source + l * s.channels, d[e * s.components + l], s.channels);
      }
    }
  }
}

template <class T>
DISTGNN_INLINE void outer_weight_rows(const int64_t* i, const int64_t* j, Sizes s, const T* a, const T* x, T* out,
                                      int64_t begin, int64_t end) {
  for (int64_t e = begin; e < end; ++e) {
    const T* target = a + i[e] * s.components * s.channels;
    for (int64_t l = 0; l < s.components; ++l) {
      out[e * s.components + l] = dot(target + l * s.channels, x + j[e] * s.channels, s.channels);
    }
  }
}

template <class T>
DISTGNN_INLINE void low_rank_sum_rows(const EdgesAt& edges, Sizes s, const T* x, const T* basis, const T* weight, T* out,
                                      int64_t begin, int64_t end) {
  T filter[kBlock];
  for (int64_t n = begin; n < end; ++n) {
    T* row = out + n * s.channels;
    std::fill(row, row + s.channels, T(0));
    for (int64_t p = edges.indptr[n]; p < edges.indptr[n + 1]; ++p) {
      const int64_t e = edges.edge(p);
      const T* source = x + edges.other[e] * s.channels;
      for (int64_t h = 0; h < s.channels; h += kBlock) {
        const int64_t size = std::min(kBlock, s.channels - h);
        std::fill(filter, filter + size, T(0));
        for (int64_t b = 0; b < s.basis; ++b) {
          add_scaled(filter, weight + b * s.channels + h, basis[e * s.basis + b], size);
        }
        add_product(row + h, source + h, filter, size);
      }
    }
  }
}

template <class T>
DISTGNN_INLINE void low_rank_basis_rows(const int64_t* i, const int64_t* j, Sizes s, const T* a, const T* x,
                                        const T* weight, T* out, int64_t begin, int64_t end) {
  T both[kBlock];
  for (int64_t e = begin; e < end; ++e) {
    T* row = out + e * s.basis;
    std::fill(row, row + s.basis, T(0));
    for (int64_t h = 0; h < s.channels; h += kBlock) {
      const int64_t size = std::min(kBlock, s.channels - h);
      product(both, a + i[e] * s.channels + h, x + j[e] * s.channels + h, size);
      for (int64_t b = 0; b < s.basis; ++b) row[b] += dot(both, weight + b * s.channels + h, size);
    }
  }
}

template <class T>
DISTGNN_INLINE void low_rank_weight_rows(const int64_t* i, const int64_t* j, Sizes s, const T* a, const T* x,
                                         const T* basis, T* out, int64_t begin, int64_t end) {
  T both[kBlock];
  for (int64_t e = begin; e < end; ++e) {
    for (int64_t h = 0; h < s.channels; h += kBlock) {
      const int64_t size = std::min(kBlock, s.channels - h);
      product(both, a + i[e] * s.channels + h, x + j[e] * s.channels + h, size);
      for (int64_t b = 0; b < s.basis; ++b) {
        add_scaled(out + b * s.channels + h, both, basis[e * s.basis + b], size);
      }
    }
  }
}

// One compiled copy a type and instruction set.
#define DISTGNN_FOR_TYPES(MACRO) MACRO(float) MACRO(double)
#define DISTGNN_RANGES(T)                                                                                            \
  DISTGNN_CLONES void filtered_sum_range(const EdgesAt& edges, Sizes s, const T* x, const T* w, T* out, int64_t begin, \
                                         int64_t end) {                                                              \
    filtered_sum_rows(edges, s, x, w, out, begin, end);                                                              \
  }                                                                                                                  \
  DISTGNN_CLONES void filtered_weight_range(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes s, const T* a, \
                                            const T* b, T* out, int64_t begin, int64_t end) {                        \
    filtered_weight_rows(i, j, num_edges, s, a, b, out, begin, end);                                                 \
  }                                                                                                                  \
  DISTGNN_CLONES void outer_sum_range(const EdgesAt& edges, Sizes s, const T* x, const T* d, T* out, int64_t begin,  \
                                      int64_t end) {                                                                 \
    outer_sum_rows(edges, s, x, d, out, begin, end);                                                                 \
  }                                                                                                                  \
  DISTGNN_CLONES void outer_project_range(const EdgesAt& edges, Sizes s, const T* a, const T* d, T* out,             \
                                          int64_t begin, int64_t end) {                                              \
    outer_project_rows(edges, s, a, d, out, begin, end);                                                             \
  }                                                                                                                  \
  DISTGNN_CLONES void outer_weight_range(const int64_t* i, const int64_t* j, Sizes s, const T* a, const T* x, T* out, \
                                         int64_t begin, int64_t end) {                                               \
    outer_weight_rows(i, j, s, a, x, out, begin, end);                                                               \
  }                                                                                                                  \
  DISTGNN_CLONES void low_rank_sum_range(const EdgesAt& edges, Sizes s, const T* x, const T* basis, const T* weight, \
                                         T* out, int64_t begin, int64_t end) {                                       \
    low_rank_sum_rows(edges, s, x, basis, weight, out, begin, end);                                                  \
  }                                                                                                                  \
  DISTGNN_CLONES void low_rank_basis_range(const int64_t* i, const int64_t* j, Sizes s, const T* a, const T* x,      \
                                           const T* weight, T* out, int64_t begin, int64_t end) {                    \
    low_rank_basis_rows(i, j, s, a, x, weight, out, begin, end);                                                     \
  }                                                                                                                  \
  DISTGNN_CLONES void low_rank_weight_range(const int64_t* i, const int64_t* j, Sizes s, const T* a, const T* x,     \
                                            const T* basis, T* out, int64_t begin, int64_t end) {                    \
    low_rank_weight_rows(i, j, s, a, x, basis, out, begin, end);                                                     \
  }
DISTGNN_FOR_TYPES(DISTGNN_RANGES)
#undef DISTGNN_RANGES

template <class Run>
void over_nodes(const EdgesAt& edges, int64_t width, int num_threads, Run run) {
  for_rows(csc_of(edges), width, num_threads, [&](int64_t begin, int64_t end) {
    run(begin, end);
    return true;
  });
}

template <class Run>
void over_edges(int64_t count, int64_t width, int num_threads, Run run) {
  for_range(count, grain_of(width), num_threads, [&](int64_t begin, int64_t end) {
    run(begin, end);
    return true;
  });
}

}  // namespace

template <class T>
void filtered_sum(const EdgesAt& edges, Sizes s, const T* x, const T* w, T* out, int num_threads) {
  over_nodes(edges, (s.components + 1) * s.channels, num_threads,
             [&](int64_t begin, int64_t end) { filtered_sum_range(edges, s, x, w, out, begin, end); });
}

template <class T>
void filtered_weight(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes s, const T* a, const T* b, T* out,
                     int num_threads) {
  over_edges(s.basis, 2 * s.components * s.channels, num_threads,
             [&](int64_t begin, int64_t end) { filtered_weight_range(i, j, num_edges, s, a, b, out, begin, end); });
}

template <class T>
void outer_sum(const EdgesAt& edges, Sizes s, const T* x, const T* d, T* out, int num_threads) {
  over_nodes(edges, s.components * s.channels, num_threads,
             [&](int64_t begin, int64_t end) { outer_sum_range(edges, s, x, d, out, begin, end); });
}

template <class T>
void outer_project(const EdgesAt& edges, Sizes s, const T* a, const T* d, T* out, int num_threads) {
  over_nodes(edges, s.components * s.channels, num_threads,
             [&](int64_t begin, int64_t end) { outer_project_range(edges, s, a, d, out, begin, end); });
}

template <class T>
void outer_weight(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes s, const T* a, const T* x, T* out,
                  int num_threads) {
  over_edges(num_edges, s.components * s.channels, num_threads,
             [&](int64_t begin, int64_t end) { outer_weight_range(i, j, s, a, x, out, begin, end); });
}

template <class T>
void low_rank_sum(const EdgesAt& edges, Sizes s, const T* x, const T* basis, const T* weight, T* out, int num_threads) {
  over_nodes(edges, s.basis * s.channels, num_threads,
             [&](int64_t begin, int64_t end) { low_rank_sum_range(edges, s, x, basis, weight, out, begin, end); });
}

template <class T>
void low_rank_basis(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes s, const T* a, const T* x,
                    const T* weight, T* out, int num_threads) {
  over_edges(num_edges, s.basis * s.channels, num_threads,
             [&](int64_t begin, int64_t end) { low_rank_basis_range(i, j, s, a, x, weight, out, begin, end); });
}

template <class T>
void low_rank_weight(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes s, const T* a, const T* x,
                     const T* basis, T* out, int num_threads) {
  // A fixed number of parts, added in their order: the result does not depend on the threads.
  constexpr int64_t kParts = 16;
  const int64_t size = s.basis * s.channels;
  std::vector<T> parts(static_cast<size_t>(kParts * size), T(0));
  for_range(kParts, num_edges * size / kParts < kGrain ? kParts : 1, num_threads, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      low_rank_weight_range(i, j, s, a, x, basis, parts.data() + part * size, num_edges * part / kParts,
                            num_edges * (part + 1) / kParts);
    }
    return true;
  });
  std::fill(out, out + size, T(0));
  for (int64_t part = 0; part < kParts; ++part) {
    for (int64_t k = 0; k < size; ++k) out[k] += parts[static_cast<size_t>(part * size + k)];
  }
}

#define DISTGNN_INSTANTIATE(T)                                                                                       \
  template void filtered_sum(const EdgesAt&, Sizes, const T*, const T*, T*, int);                                    \
  template void filtered_weight(const int64_t*, const int64_t*, int64_t, Sizes, const T*, const T*, T*, int);        \
  template void outer_sum(const EdgesAt&, Sizes, const T*, const T*, T*, int);                                       \
  template void outer_project(const EdgesAt&, Sizes, const T*, const T*, T*, int);                                   \
  template void outer_weight(const int64_t*, const int64_t*, int64_t, Sizes, const T*, const T*, T*, int);           \
  template void low_rank_sum(const EdgesAt&, Sizes, const T*, const T*, const T*, T*, int);                          \
  template void low_rank_basis(const int64_t*, const int64_t*, int64_t, Sizes, const T*, const T*, const T*, T*,     \
                               int);                                                                                 \
  template void low_rank_weight(const int64_t*, const int64_t*, int64_t, Sizes, const T*, const T*, const T*, T*, int);
DISTGNN_FOR_TYPES(DISTGNN_INSTANTIATE)

}  // namespace distgnn
