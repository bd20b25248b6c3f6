#include "routing.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "convert.h"
#include "errors.h"
#include "prefetch.h"

namespace distgnn {
namespace {

constexpr int64_t kSlotsAhead = 64;

PooledArray<int64_t> new_array(int64_t size, const std::shared_ptr<BufferPool>& pool) {
  PooledArray<int64_t> array(pool);
  array.reserve(std::max<int64_t>(size, 1));
  array.set_size(size);
  return array;
}

// Copies ids that may have 32 bits.
void widen(const int64_t* ids, const uint32_t* short_ids, int64_t first, int64_t count,
           int64_t* out) {
  if (ids != nullptr) {
    std::copy_n(ids + first, count, out);
  } else {
    std::copy_n(short_ids + first, count, out);
  }
}

void place_num_picks(const OwnerDraws& owner, int64_t num_nodes, int64_t* num_picks) {
  int64_t num_edges = 0;
  for (int64_t i = 0; i < owner.num_nodes; ++i) {
    const int64_t place = owner.places[i];
    if (place < 0 || place >= num_nodes || num_picks[place] >= 0 || owner.num_picks[i] < 0) {
      throw ArgumentError("an owner's answer does not fit its question at node " +
                          std::to_string(i));
    }
    num_picks[place] = owner.num_picks[i];
    num_edges += owner.num_picks[i];
  }
  if (num_edges != owner.num_edges) {
    throw ArgumentError("an owner answered with " + std::to_string(owner.num_edges) +
                        " edges, but counts " + std::to_string(num_edges));
  }
}

template <class Value>
void place_values(const EncodedRows& rows, const int64_t* picks, const int64_t* places,
                  int64_t count, float* target) {
  const Value* const values = reinterpret_cast<const Value*>(rows.data);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t pick = picks == nullptr ? i : picks[i];
    const Value* const row = values + pick * rows.dim;
    float* const out = target + places[i] * rows.dim;
    if (rows.factors == nullptr) {
      for (int64_t k = 0; k < rows.dim; ++k) out[k] = to_float(row[k]);
    } else {
      const float factor = rows.factors[pick];
      for (int64_t k = 0; k < rows.dim; ++k) out[k] = to_float(row[k]) * factor;
    }
  }
}

}  // namespace

Split split_by_owner(const Ranges& parts, const std::vector<int64_t>& owner_of_part,
                     int64_t num_owners, const int64_t* ids, int64_t count,
                     const std::shared_ptr<BufferPool>& pool) {
  Split split{new_array(count, pool), new_array(count, pool),
              std::vector<int64_t>(static_cast<size_t>(num_owners), 0)};
  for (int64_t i = 0; i < count; ++i) ++split.counts[owner_of_part[parts.part_of(ids[i])]];
  std::vector<int64_t> next(split.counts.size(), 0);
  for (size_t owner = 1; owner < next.size(); ++owner) {
    next[owner] = next[owner - 1] + split.counts[owner - 1];
  }
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = next[owner_of_part[parts.part_of(ids[i])]]++;
    split.ids.data()[at] = ids[i];
    split.places.data()[at] = i;
  }
  return split;
}

MergedDraws merge_draws(const std::vector<OwnerDraws>& draws, int64_t num_nodes,
                        const std::shared_ptr<BufferPool>& pool) {
  int64_t num_answered = 0;
  int64_t num_edges = 0;
  PooledArray<int64_t> num_picks = new_array(num_nodes, pool);
  std::fill_n(num_picks.data(), num_nodes, -1);
  for (const OwnerDraws& owner : draws) {
    place_num_picks(owner, num_nodes, num_picks.data());
    num_answered += owner.num_nodes;
    num_edges += owner.num_edges;
  }
  if (num_answered != num_nodes) {
    throw ArgumentError("owners answered for " + std::to_string(num_answered) + " of " +
                        std::to_string(num_nodes) + " nodes");
  }
  MergedDraws merged{std::move(num_picks), new_array(num_edges, pool), new_array(num_edges, pool)};
  std::vector<int64_t> node(draws.size(), 0);
  std::vector<int64_t> edge(draws.size(), 0);
  std::vector<size_t> owner_of(static_cast<size_t>(num_nodes));
  for (size_t owner = 0; owner < draws.size(); ++owner) {
    for (int64_t i = 0; i < draws[owner].num_nodes; ++i) owner_of[draws[owner].places[i]] = owner;
  }
  int64_t at = 0;
  for (int64_t place = 0; place < num_nodes; ++place) {
    const size_t owner = owner_of[place];
    const OwnerDraws& from = draws[owner];
    // Places of an owner rise, so its nodes come in the order of its answer.
    if (from.places[node[owner]++] != place) throw ArgumentError("an owner's places do not rise");
    const int64_t count = merged.num_picks.data()[place];
    widen(from.sources, from.short_sources, edge[owner], count, merged.sources.data() + at);
    widen(from.positions, from.short_positions, edge[owner], count, merged.positions.data() + at);
    edge[owner] += count;
    at += count;
  }
  return merged;
}

void place_rows(const EncodedRows& rows, const int64_t* picks, const int64_t* places, int64_t count,
                float* target) {
  switch (rows.storage) {
    case Storage::kBytes: throw ArgumentError("rows become float32: name their type");
    case Storage::kFloat32: return place_values<float>(rows, picks, places, count, target);
    case Storage::kFloat16: return place_values<Float16>(rows, picks, places, count, target);
    case Storage::kBfloat16: return place_values<Bfloat16>(rows, picks, places, count, target);
    case Storage::kFloat64: return place_values<double>(rows, picks, places, count, target);
    case Storage::kInt8: return place_values<int8_t>(rows, picks, places, count, target);
    case Storage::kUint8: return place_values<uint8_t>(rows, picks, places, count, target);
    case Storage::kInt16: return place_values<int16_t>(rows, picks, places, count, target);
    case Storage::kInt32: return place_values<int32_t>(rows, picks, places, count, target);
    case Storage::kInt64: return place_values<int64_t>(rows, picks, places, count, target);
  }
}

IdTable::IdTable(const int64_t* ids, int64_t count) {
  size_t size = 64;
  while (size < 2 * static_cast<size_t>(count)) size *= 2;
  slots_.assign(size, Slot{0, -1});
  mask_ = size - 1;
  while (size >>= 1) --shift_;
  for (int64_t place = 0; place < count; ++place) {
    uint64_t at = home(ids[place]);
    while (slots_[at].place >= 0) {
      if (slots_[at].id == ids[place]) {
        throw ArgumentError("ids hold " + std::to_string(ids[place]) + " more than once");
      }
      at = (at + 1) & mask_;
    }
    slots_[at] = {ids[place], place};
  }
}

void IdTable::find(const int64_t* ids, int64_t count, int64_t* places) const {
  for (int64_t i = 0; i < count; ++i) {
    if (i + kSlotsAhead < count) prefetch_for_read(&slots_[home(ids[i + kSlotsAhead])]);
    uint64_t at = home(ids[i]);
    while (slots_[at].place >= 0 && slots_[at].id != ids[i]) at = (at + 1) & mask_;
    places[i] = slots_[at].place;
  }
}

}  // namespace distgnn
