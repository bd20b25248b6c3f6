// Stored values to float32.
#pragma once

#include <cstdint>
#include <cstring>

namespace distgnn {

struct Float16 {
  uint16_t bits;
};
struct Bfloat16 {
  uint16_t bits;
};

inline float from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

template <class Value>
inline float to_float(Value value) {
  return static_cast<float>(value);
}

inline float to_float(Bfloat16 value) {
  return from_bits(static_cast<uint32_t>(value.bits) << 16);
}

// IEEE 754 half precision without a branch: scaling by 2^112 moves the exponent's bias, subnormal
// numbers included; infinities and NaN get their exponent back.
inline float to_float(Float16 value) {
  const uint32_t magnitude = static_cast<uint32_t>(value.bits & 0x7fff) << 13;
  const float scaled = from_bits(magnitude) * 0x1p112f;
  uint32_t bits;
  std::memcpy(&bits, &scaled, sizeof(bits));
  bits |= (value.bits & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
  bits |= static_cast<uint32_t>(value.bits & 0x8000) << 16;
  return from_bits(bits);
}

}  // namespace distgnn
