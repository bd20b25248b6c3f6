#include <pybind11/stl.h>

#include <map>
#include <tuple>

#include "arrays.h"
#include "bind.h"
#include "bind_adjacency.h"
#include "negative.h"

namespace distgnn {
namespace {

using Ids = py::array_t<int64_t>;

NegativeKind kind_of(const std::string& name) {
  static const std::map<std::string, NegativeKind> kinds = {
      {"uniform", NegativeKind::kPairs},
      {"per_source", NegativeKind::kPerSource},
      {"degree", NegativeKind::kDegree},
      {"in_batch", NegativeKind::kInBatch},
  };
  const auto found = kinds.find(name);
  if (found == kinds.end()) throw ArgumentError("there are no negatives '" + name + "'");
  return found->second;
}

class PyNegativeSampler {
 public:
  PyNegativeSampler(std::shared_ptr<PyAdjacency> incoming, const std::string& kind,
                    int64_t num_negatives, bool exclude, double power,
                    const std::vector<py::object>& node_times,
                    const std::vector<py::object>& edge_times)
      : incoming_(std::move(incoming)) {
    if (num_negatives < 1) throw ArgumentError("num_negatives must be at least 1");
    NegativeOptions options{kind_of(kind), num_negatives, exclude, power,
                            keep(node_times), keep(edge_times)};
    num_negatives_ = num_negatives;
    py::gil_scoped_release release;
    sampler_ = std::make_unique<NegativeSampler>(incoming_->lists, std::move(options));
  }

  // Returns sources and destinations, [positives, num_negatives] each.
  std::tuple<Ids, Ids> sample(const py::object& src, const py::object& dst,
                              const py::object& numbers, const py::object& times, uint64_t key,
                              int num_threads) const {
    check_num_threads(num_threads);
    const py::array from = checked_vector<int64_t>(src, "src");
    const py::array to = checked_vector<int64_t>(dst, "dst");
    const py::array which = checked_vector<int64_t>(numbers, "numbers");
    py::array when;
    if (!times.is_none()) when = checked_vector<int64_t>(times, "times");
    if (from.size() != to.size() || from.size() != which.size() ||
        (!times.is_none() && from.size() != when.size())) {
      throw ArgumentError("src, dst, numbers and times must have the same length");
    }
    const Adjacency& lists = incoming_->lists;
    check_ids(pointer<int64_t>(from), from.size(), lists.neighbors().owned.size(), "src");
    check_ids(pointer<int64_t>(to), to.size(), lists.owners().owned.size(), "dst");
    const Positives positives{pointer<int64_t>(from),
                              pointer<int64_t>(to),
                              pointer<int64_t>(which),
                              times.is_none() ? nullptr : pointer<int64_t>(when),
                              from.size(),
                              key};
    Ids out_src({from.size(), static_cast<py::ssize_t>(num_negatives_)});
    Ids out_dst({from.size(), static_cast<py::ssize_t>(num_negatives_)});
    int64_t *src_data = out_src.mutable_data(), *dst_data = out_dst.mutable_data();
    {
      py::gil_scoped_release release;
      sampler_->sample(positives, src_data, dst_data, num_threads);
    }
    return {out_src, out_dst};
  }

 private:
  std::vector<const int64_t*> keep(const std::vector<py::object>& parts) {
    std::vector<const int64_t*> pointers;
    for (const py::object& part : parts) {
      arrays_.push_back(checked_vector<int64_t>(part, "times"));
      pointers.push_back(pointer<int64_t>(arrays_.back()));
    }
    return pointers;
  }

  std::shared_ptr<PyAdjacency> incoming_;
  std::vector<py::array> arrays_;
  int64_t num_negatives_;
  std::unique_ptr<NegativeSampler> sampler_;
};

}  // namespace

void bind_negative(py::module_& module) {
  py::class_<PyNegativeSampler>(module, "NegativeSampler")
      .def(py::init<std::shared_ptr<PyAdjacency>, const std::string&, int64_t, bool, double,
                    const std::vector<py::object>&, const std::vector<py::object>&>(),
           py::arg("incoming"), py::kw_only(), py::arg("kind"), py::arg("num_negatives"),
           py::arg("exclude"), py::arg("power"), py::arg("node_times"), py::arg("edge_times"))
      .def("sample", &PyNegativeSampler::sample, py::arg("src"), py::arg("dst"), py::kw_only(),
           py::arg("numbers"), py::arg("times"), py::arg("key"), py::arg("num_threads"));
}

}  // namespace distgnn
