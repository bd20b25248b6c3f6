#include <pybind11/stl.h>

#include <optional>
#include <tuple>

#include "arrays.h"
#include "bind.h"
#include "routing.h"
#include "storage.h"

namespace distgnn {
namespace {

using Pool = std::shared_ptr<BufferPool>;

// Returns (ids, places, number for each owner).
py::tuple split(const Pool& pool, const py::object& offsets, const std::vector<int64_t>& owners,
                int64_t num_owners, const py::object& ids_object) {
  const Ranges parts = checked_ranges(offsets, "offsets");
  if (static_cast<int64_t>(owners.size()) != parts.num_parts()) {
    throw ArgumentError("owner_of_part must have an entry for each of " +
                        std::to_string(parts.num_parts()) + " parts");
  }
  check_ids(owners.data(), static_cast<int64_t>(owners.size()), num_owners, "owner_of_part");
  const py::array ids = checked_vector<int64_t>(ids_object, "ids");
  std::optional<Split> found;
  {
    py::gil_scoped_release release;
    check_ids(pointer<int64_t>(ids), ids.size(), parts.size(), "ids");
    found = split_by_owner(parts, owners, num_owners, pointer<int64_t>(ids), ids.size(), pool);
  }
  return py::make_tuple(array_over(found->ids), array_over(found->places), found->counts);
}

// The array as int64 or, where it is that, as uint32.
std::pair<const int64_t*, const uint32_t*> ids_of_any_width(const py::object& value,
                                                            const std::string& name) {
  if (py::isinstance<py::array_t<uint32_t>>(value)) {
    return {nullptr, pointer<uint32_t>(checked_vector<uint32_t>(value, name))};
  }
  return {pointer<int64_t>(checked_vector<int64_t>(value, name)), nullptr};
}

// answers: (places, number of picks, sources, positions) of each owner.
py::tuple merge(const Pool& pool, int64_t num_nodes,
                const std::vector<std::tuple<py::object, py::object, py::object, py::object>>&
                    answers) {
  std::vector<OwnerDraws> draws;
  for (const auto& [places_item, picks_item, sources_item, positions_item] : answers) {
    const py::array places = checked_vector<int64_t>(places_item, "places");
    const py::array num_picks = checked_vector<int64_t>(picks_item, "num_picks");
    const auto [sources, short_sources] = ids_of_any_width(sources_item, "sources");
    const auto [positions, short_positions] = ids_of_any_width(positions_item, "positions");
    const py::ssize_t num_edges = py::len(sources_item);
    if (num_picks.size() != places.size() ||
        static_cast<py::ssize_t>(py::len(positions_item)) != num_edges) {
      throw ArgumentError("an owner answered for " + std::to_string(num_picks.size()) + " of " +
                          std::to_string(places.size()) + " nodes, or not every edge has a place");
    }
    draws.push_back({places.size(), pointer<int64_t>(places), pointer<int64_t>(num_picks),
                     num_edges, sources, short_sources, positions, short_positions});
  }
  std::optional<MergedDraws> merged;
  {
    py::gil_scoped_release release;
    merged = merge_draws(draws, num_nodes, pool);
  }
  return py::make_tuple(array_over(merged->num_picks), array_over(merged->sources),
                        array_over(merged->positions));
}

void place(py::array target, const py::object& places_object, const py::array& rows,
           const std::string& stored_as, const py::object& factors_object,
           const py::object& picks_object) {
  const py::array places = checked_vector<int64_t>(places_object, "places");
  const StoredType type = stored_type(stored_as);
  check_item_bytes(rows, type, stored_as);
  if (!target.dtype().equal(py::dtype::of<float>()) || target.ndim() != 2 || !target.writeable() ||
      !(target.flags() & py::array::c_style) || !(rows.flags() & py::array::c_style) ||
      rows.ndim() != 2 || rows.shape(1) != target.shape(1)) {
    throw ArgumentError("rows " + describe(rows) + " cannot be placed in " + describe(target));
  }
  EncodedRows encoded{static_cast<const char*>(rows.data()), type.storage, nullptr, rows.shape(0),
                      rows.shape(1)};
  if (!factors_object.is_none()) {
    const py::array factors = checked_vector<float>(factors_object, "factors");
    if (factors.size() != encoded.size) throw ArgumentError("there must be a factor for each row");
    encoded.factors = pointer<float>(factors);
  }
  const int64_t* picks = nullptr;
  if (!picks_object.is_none()) {
    const py::array array = checked_vector<int64_t>(picks_object, "picks");
    if (array.size() != places.size()) throw ArgumentError("there must be a pick for each place");
    check_ids(pointer<int64_t>(array), array.size(), encoded.size, "picks");
    picks = pointer<int64_t>(array);
  } else if (places.size() != encoded.size) {
    throw ArgumentError("there must be a place for each row");
  }
  check_ids(pointer<int64_t>(places), places.size(), target.shape(0), "places");
  py::gil_scoped_release release;
  place_rows(encoded, picks, pointer<int64_t>(places), places.size(),
             static_cast<float*>(target.mutable_data()));
}

class PyIdTable {
 public:
  explicit PyIdTable(const py::object& ids_object) {
    const py::array ids = checked_vector<int64_t>(ids_object, "ids");
    table_ = std::make_unique<IdTable>(pointer<int64_t>(ids), ids.size());
  }

  py::array find(const py::object& ids_object) const {
    const py::array ids = checked_vector<int64_t>(ids_object, "ids");
    py::array_t<int64_t> places(ids.size());
    int64_t* const out = places.mutable_data();
    py::gil_scoped_release release;
    table_->find(pointer<int64_t>(ids), ids.size(), out);
    return places;
  }

 private:
  std::unique_ptr<IdTable> table_;
};

}  // namespace

void bind_routing(py::module_& module) {
  module.def("split_by_owner", &split, py::arg("pool"), py::arg("offsets"),
             py::arg("owner_of_part"), py::arg("num_owners"), py::arg("ids"));
  module.def("merge_draws", &merge, py::arg("pool"), py::arg("num_nodes"), py::arg("answers"));
  module.def("place_rows", &place, py::arg("target"), py::arg("places"), py::arg("rows"),
             py::kw_only(), py::arg("stored_as"), py::arg("factors") = py::none(),
             py::arg("picks") = py::none());
  py::class_<PyIdTable>(module, "IdTable")
      .def(py::init<const py::object&>(), py::arg("ids"))
      .def("find", &PyIdTable::find, py::arg("ids"));
}

}  // namespace distgnn
