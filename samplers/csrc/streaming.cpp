#include "streaming.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

namespace distgnn {
namespace {

__attribute__((target("avx512f"))) void copy_avx512(char* target, const char* source,
                                                    int64_t num_bytes) {
  for (int64_t i = 0; i < num_bytes; i += 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(target + i), _mm512_loadu_si512(source + i));
  }
}

__attribute__((target("avx"))) void copy_avx(char* target, const char* source, int64_t num_bytes) {
  for (int64_t i = 0; i < num_bytes; i += 32) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(target + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + i)));
  }
}

}  // namespace

StreamingCopy streaming_copy() {
  if (__builtin_cpu_supports("avx512f")) return copy_avx512;
  if (__builtin_cpu_supports("avx")) return copy_avx;
  return nullptr;
}

void end_streaming() {
  _mm_sfence();
}

}  // namespace distgnn

#else

namespace distgnn {

StreamingCopy streaming_copy() {
  return nullptr;
}

void end_streaming() {}

}  // namespace distgnn

#endif
