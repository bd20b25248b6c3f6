#include "bind.h"

#include <pybind11/stl.h>

#include <optional>

#include "arrays.h"
#include "gather.h"
#include "storage.h"

namespace distgnn {
namespace {

// Throws ArgumentError if an id is of a part that is not open here.
template <class Rows>
void check_open(const Rows& rows, const int64_t* ids, int64_t count) {
  if (rows.is_whole()) return;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t part = rows.owned().part_of(ids[i]);
    if (rows.is_open(part)) continue;
    throw ArgumentError("id " + std::to_string(ids[i]) + " is of part " + std::to_string(part) +
                        ", which is not open on this machine");
  }
}

// Gathers into a pooled buffer without the GIL.
template <class Rows>
py::array gather_into_pool(const Rows& rows, const std::shared_ptr<BufferPool>& pool,
                           const py::object& ids_object, int num_threads, const py::dtype& dtype,
                           std::vector<py::ssize_t> shape) {
  check_num_threads(num_threads);
  const py::array ids = checked_vector<int64_t>(ids_object, "ids");
  const int64_t count = ids.size();
  std::shared_ptr<Block> block;
  {
    py::gil_scoped_release release;
    check_ids(pointer<int64_t>(ids), count, rows.owned().size(), "ids");
    check_open(rows, pointer<int64_t>(ids), count);
    block = pool->acquire(static_cast<size_t>(count * rows.output_row_bytes()));
    rows.gather(pointer<int64_t>(ids), count, static_cast<char*>(block->data()), num_threads);
  }
  shape[0] = count;
  return array_over(std::move(block), dtype, std::move(shape));
}

class PyDenseRows {
 public:
  // parts: the rows of each part, None for one that is not open here.
  PyDenseRows(std::shared_ptr<BufferPool> pool, const py::object& offsets,
              std::vector<std::optional<py::array>> parts, const std::string& stored_as)
      : pool_(std::move(pool)), arrays_(std::move(parts)) {
    const Ranges owned = checked_ranges(offsets, "offsets");
    const StoredType type = stored_type(stored_as);
    if (static_cast<int64_t>(arrays_.size()) != owned.num_parts()) {
      throw ArgumentError("got rows of " + std::to_string(arrays_.size()) +
                          " parts, but offsets have " + std::to_string(owned.num_parts()));
    }
    const auto opened = std::find_if(arrays_.begin(), arrays_.end(),
                                     [](const auto& rows) { return rows.has_value(); });
    if (opened == arrays_.end()) throw ArgumentError("no part is open");
    const py::array& first = **opened;
    if (first.ndim() == 0) {
      throw ArgumentError("rows of part " + std::to_string(opened - arrays_.begin()) +
                          " are a single number");
    }
    shape_ = {0};
    int64_t num_elements = 1;
    for (py::ssize_t axis = 1; axis < first.ndim(); ++axis) {
      shape_.push_back(first.shape(axis));
      num_elements *= first.shape(axis);
    }
    dtype_ = type.storage == Storage::kBytes ? first.dtype() : py::dtype::of<float>();
    std::vector<const char*> pointers;
    for (size_t part = 0; part < arrays_.size(); ++part) {
      if (!arrays_[part]) {
        pointers.push_back(nullptr);
        continue;
      }
      const py::array& rows = *arrays_[part];
      check_item_bytes(rows, type, stored_as);
      if (!(rows.flags() & py::array::c_style) || rows.ndim() != first.ndim() ||
          !rows.dtype().equal(first.dtype()) ||
          !std::equal(first.shape() + 1, first.shape() + first.ndim(), rows.shape() + 1) ||
          rows.shape(0) != owned.end(part) - owned.begin(part)) {
        throw ArgumentError("rows of part " + std::to_string(part) + " are " + describe(rows) +
                            ", which does not fit the offsets or the first open part's " +
                            describe(first));
      }
      pointers.push_back(static_cast<const char*>(rows.data()));
    }
    rows_ = std::make_unique<DenseRows>(owned, std::move(pointers), type.storage,
                                        num_elements * first.itemsize(), num_elements);
  }

  py::array gather(const py::object& ids, int num_threads) const {
    return gather_into_pool(*rows_, pool_, ids, num_threads, dtype_, shape_);
  }

 private:
  std::shared_ptr<BufferPool> pool_;
  std::vector<std::optional<py::array>> arrays_;
  std::vector<py::ssize_t> shape_;
  py::dtype dtype_;
  std::unique_ptr<DenseRows> rows_;
};

class PySparseRows {
 public:
  PySparseRows(std::shared_ptr<BufferPool> pool, const py::object& offsets, const py::list& parts,
               int64_t dim, const std::string& stored_as)
      : pool_(std::move(pool)), dim_(dim) {
    const Ranges owned = checked_ranges(offsets, "offsets");
    const StoredType type = stored_type(stored_as);
    if (dim < 1) throw ArgumentError("dim must be at least 1, got " + std::to_string(dim));
    if (static_cast<int64_t>(parts.size()) != owned.num_parts()) {
      throw ArgumentError("got sparse rows of " + std::to_string(parts.size()) +
                          " parts, but offsets have " + std::to_string(owned.num_parts()));
    }
    std::vector<SparsePart> views;
    for (size_t part = 0; part < parts.size(); ++part) {
      if (parts[part].is_none()) {
        views.push_back({nullptr, nullptr, nullptr, 0});
        continue;
      }
      const auto [indptr_item, indices_item, values] =
          py::cast<std::tuple<py::object, py::object, py::array>>(parts[part]);
      const py::array indptr = checked_vector<int64_t>(indptr_item, "indptr");
      const py::array indices = checked_vector<int32_t>(indices_item, "indices");
      check_item_bytes(values, type, stored_as);
      if (indptr.size() != owned.end(part) - owned.begin(part) + 1 || values.ndim() != 1 ||
          values.size() != indices.size() || !(values.flags() & py::array::c_style)) {
        throw ArgumentError("sparse rows of part " + std::to_string(part) +
                            " do not fit the offsets, or have more indices than values");
      }
      views.push_back({pointer<int64_t>(indptr), pointer<int32_t>(indices),
                       static_cast<const char*>(values.data()), values.size()});
      arrays_.insert(arrays_.end(), {indptr, indices, values});
    }
    rows_ = std::make_unique<SparseRows>(owned, std::move(views), type.storage, dim);
  }

  py::array gather(const py::object& ids, int num_threads) const {
    return gather_into_pool(*rows_, pool_, ids, num_threads, py::dtype::of<float>(), {0, dim_});
  }

 private:
  std::shared_ptr<BufferPool> pool_;
  int64_t dim_;
  std::vector<py::array> arrays_;
  std::unique_ptr<SparseRows> rows_;
};

}  // namespace

void bind_gather(py::module_& module) {
  py::class_<BufferPool, std::shared_ptr<BufferPool>>(module, "BufferPool")
      .def(py::init<>())
      .def_property_readonly("num_free_blocks", &BufferPool::num_free_blocks)
      .def_property_readonly("num_free_bytes", &BufferPool::num_free_bytes);
  py::class_<PyDenseRows>(module, "DenseRows")
      .def(py::init<std::shared_ptr<BufferPool>, const py::object&,
                    std::vector<std::optional<py::array>>, const std::string&>(),
           py::arg("pool"), py::arg("offsets"), py::arg("parts"), py::arg("stored_as"))
      .def("gather", &PyDenseRows::gather, py::arg("ids"), py::arg("num_threads") = 1);
  py::class_<PySparseRows>(module, "SparseRows")
      .def(py::init<std::shared_ptr<BufferPool>, const py::object&, const py::list&, int64_t,
                    const std::string&>(),
           py::arg("pool"), py::arg("offsets"), py::arg("parts"), py::arg("dim"),
           py::arg("stored_as"))
      .def("gather", &PySparseRows::gather, py::arg("ids"), py::arg("num_threads") = 1);
}

}  // namespace distgnn
