// Sums over edges of products of what lies at both ends and on the edge, and all their derivatives.
//
// Three families. In each the kernels are what is left of one sum when one factor is taken out, so
// that the gradients of every kernel are kernels of its family: forces and gradients of forces need
// no others, and no array per edge and channel is made on the way. Letters: i and j are the ends of
// edge e, l components, h channels, b basis functions.
//
//   filtered   sum_e sum_lh A[i,l,h] B[j,l,h] w[e,h]
//   outer      sum_e sum_lh A[i,l,h] d[e,l] G[j,h]
//   low rank   sum_e sum_hb A[i,h] B[j,h] W[b,h] s[e,b]
#pragma once

#include <cstdint>

namespace distgnn {

// The edges of a sum as seen from one end: edges order[indptr[n]] .. order[indptr[n + 1] - 1] end at
// node n (order null: 0, 1, 2, ...), and other[e] is the node at the other end of edge e. Ends are
// trusted: Python checks them once for all kernels of a forward pass.
struct EdgesAt {
  const int64_t* indptr;
  const int64_t* order;
  const int64_t* other;
  int64_t num_nodes;

  int64_t num_edges() const { return indptr[num_nodes]; }
  int64_t edge(int64_t position) const { return order ? order[position] : position; }
};

struct Sizes {
  int64_t components;  // L
  int64_t channels;    // H
  int64_t basis;       // B, or the number of rows of w
};

// out[n,l,h] = sum over edges at n of x[other,l,h] w[e mod rows,h].
template <class T>
void filtered_sum(const EdgesAt& edges, Sizes sizes, const T* x, const T* w, T* out, int num_threads);

// out[p,h] = sum over edges e = p mod rows and over l of a[i,l,h] b[j,l,h].
template <class T>
void filtered_weight(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes sizes, const T* a, const T* b, T* out,
                     int num_threads);

// out[n,l,h] = sum over edges at n of d[e,l] x[other,h].
template <class T>
void outer_sum(const EdgesAt& edges, Sizes sizes, const T* x, const T* d, T* out, int num_threads);

// out[n,h] = sum over edges at n and over l of a[other,l,h] d[e,l].
template <class T>
void outer_project(const EdgesAt& edges, Sizes sizes, const T* a, const T* d, T* out, int num_threads);

// out[e,l] = sum over h of a[i,l,h] x[j,h].
template <class T>
void outer_weight(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes sizes, const T* a, const T* x, T* out,
                  int num_threads);

// out[n,h] = sum over edges at n of x[other,h] sum over b of W[b,h] s[e,b].
template <class T>
void low_rank_sum(const EdgesAt& edges, Sizes sizes, const T* x, const T* s, const T* weight, T* out, int num_threads);

// out[e,b] = sum over h of a[i,h] x[j,h] W[b,h].
template <class T>
void low_rank_basis(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes sizes, const T* a, const T* x,
                    const T* weight, T* out, int num_threads);

// out[b,h] += sum over edges of a[i,h] x[j,h] s[e,b].
template <class T>
void low_rank_weight(const int64_t* i, const int64_t* j, int64_t num_edges, Sizes sizes, const T* a, const T* x,
                     const T* s, T* out, int num_threads);

}  // namespace distgnn
