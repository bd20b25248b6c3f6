import datetime as dt

import pyarrow as pa
import pytest

from distgnn.exceptions import GraphDataError, TableError
from distgnn.schema import LabelSpec
from distgnn.tables.labels import (
    label_column,
    split_of_column,
    split_of_masks,
    time_column,
    weight_column,
)
from tests.tables.graphs import column, source


def labels(values, dtype=None, **options):
    made = column(values, dtype, chunks=2)
    return label_column(made, source(len(values)), "venue", **options)


@pytest.mark.parametrize("dtype", [pa.int8(), pa.int64(), pa.uint16()])
def test_integers_are_classes(dtype):
    spec, made = labels([2, 0, None], dtype)
    assert spec == LabelSpec(kind="class", dim=3)
    assert (made.type, made.to_pylist()) == (pa.int64(), [2, 0, -1])


def test_the_number_of_classes_may_be_given():
    assert labels([0, 1], num_classes=5)[0].dim == 5


@pytest.mark.parametrize("bad", [-2, 3])
def test_a_class_outside_its_range_is_refused(bad):
    with pytest.raises(
        GraphDataError, match=rf"'venue' of node type 'paper' is {bad} in row 1 .*0 to 2"
    ):
        labels([0, bad], num_classes=3)


def test_a_negative_class_is_refused_where_the_number_is_open():
    with pytest.raises(GraphDataError, match=r"is -7 in row 1 .*-1 or null means unlabelled"):
        labels([0, -7])


def test_labels_that_label_nothing_are_refused():
    with pytest.raises(GraphDataError, match=r"labels no row"):
        labels([-1, None], pa.int64())


def test_lists_of_integers_are_several_labels_at_once():
    spec, made = labels([[1, 0, 1], [0, 0, 1]])
    assert spec == LabelSpec(kind="multilabel", dim=3)
    assert made.type == pa.list_(pa.int8(), 3)
    assert made.to_pylist() == [[1, 0, 1], [0, 0, 1]]


def test_lists_of_bool_and_chosen_floats_too():
    assert labels([[True, False]])[1].to_pylist() == [[1, 0]]
    spec, made = labels([[1.0, 0.0]], kind="multilabel")
    assert (spec.kind, made.to_pylist()) == ("multilabel", [[1, 0]])


def test_a_multilabel_entry_of_2_is_refused():
    with pytest.raises(GraphDataError, match=r"is 2 in row 1 .*label 0; several labels"):
        labels([[1, 0], [2, 0]])


def test_floats_are_values():
    spec, made = labels([0.5, 1.5], pa.float64())
    assert spec == LabelSpec(kind="value", dim=1)
    assert (made.type, made.to_pylist()) == (pa.float32(), [0.5, 1.5])
    spec, made = labels([[0.5, 1.0], [1.5, 2.0]])
    assert spec == LabelSpec(kind="value", dim=2)
    assert (made.type, made.to_pylist()) == (pa.list_(pa.float32(), 2), [[0.5, 1], [1.5, 2]])


def test_integers_may_be_values():
    assert labels([3, 4], kind="value")[1].to_pylist() == [3.0, 4.0]


def test_nan_values_are_refused():
    with pytest.raises(GraphDataError, match=r"'venue' .* is nan in row 1"):
        labels([0.5, float("nan")])


@pytest.mark.parametrize("dtype", [pa.string(), pa.timestamp("s"), pa.list_(pa.string())])
def test_other_types_are_no_labels(dtype):
    with pytest.raises(TableError, match=r"label column 'venue' .*Number text labels first"):
        label_column(pa.chunked_array([], dtype), source(0), "venue")


def test_floats_are_no_classes():
    with pytest.raises(TableError, match=r"classes are integers"):
        labels([0.5], kind="class")


SPLIT = [0, 1, 1, 1, 2, -1, -1]


@pytest.mark.parametrize(
    "values",
    [
        ["train", "val", "valid", "validation", "test", "", None],
        [0, 1, 1, 1, 2, -1, None],
    ],
)
def test_split_columns(values):
    made = split_of_column(column(values, chunks=3), source(7), "part")
    assert (made.type, made.to_pylist()) == (pa.int8(), SPLIT)


def test_an_all_null_split_is_none():
    assert split_of_column(column([None, None]), source(2), "part").to_pylist() == [-1, -1]


@pytest.mark.parametrize("values", [["train", "dev"], [0, 3], [0, -2]])
def test_an_unknown_split_is_refused(values):
    with pytest.raises(
        GraphDataError, match=r"'part' of node type 'paper' is .* in row 1 .*names no split"
    ):
        split_of_column(column(values), source(2), "part")


def test_a_split_of_floats_is_refused():
    with pytest.raises(TableError, match=r"split column 'part' .* Arrow type double"):
        split_of_column(column([0.5]), source(1), "part")


def test_masks():
    masks = {"train": column([True, False, False]), "test": column([False, False, True], chunks=2)}
    assert split_of_masks(masks, source(3)).to_pylist() == [0, -1, 2]


def test_masks_that_overlap_are_refused_with_row_and_both_names():
    masks = {"train": column([True, True, False]), "test": column([False, True, True])}
    with pytest.raises(
        GraphDataError, match=r"overlap: 1 rows are in both 'train' and 'test'.*row 1 "
    ):
        split_of_masks(masks, source(3))


def test_masks_are_boolean_without_nulls():
    with pytest.raises(TableError, match=r"the train mask .* Arrow type int64"):
        split_of_masks({"train": column([1, 0])}, source(2))
    with pytest.raises(GraphDataError, match=r"the train mask .* is null in row 1"):
        split_of_masks({"train": column([True, None])}, source(2))


@pytest.mark.parametrize("dtype", [pa.int8(), pa.float64(), pa.bool_()])
def test_weights_become_float32(dtype):
    made = weight_column(pa.chunked_array([pa.array([1, 0]).cast(dtype)]), source(2), "w")
    assert (made.type, made.to_pylist()) == (pa.float32(), [1, 0])


@pytest.mark.parametrize("bad", [-0.5, float("nan"), float("inf"), None, 1e300])
def test_bad_weights_are_refused(bad):
    with pytest.raises(
        GraphDataError, match=r"weight column 'w' of node type 'paper' is .* in row 1"
    ):
        weight_column(column([1.0, bad]), source(2), "w")


def test_text_is_no_weight():
    with pytest.raises(TableError, match=r"weights are numbers"):
        weight_column(column(["a"]), source(1), "w")


def test_times():
    assert time_column(column([3, -1], pa.int32()), source(2), "t").to_pylist() == [3, -1]
    moment = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    expected = [round(moment.timestamp() * 1e6)]
    for unit in ("s", "ms", "us", "ns"):
        made = time_column(column([moment], pa.timestamp(unit, "UTC")), source(1), "t")
        assert (made.type, made.to_pylist()) == (pa.int64(), expected)
    day = time_column(column([dt.date(1970, 1, 3)]), source(1), "t")
    assert day.to_pylist() == [2 * 86_400 * 10**6]


def test_bad_times_are_refused():
    with pytest.raises(GraphDataError, match=r"time column 't' .* is null in row 1"):
        time_column(column([1, None]), source(2), "t")
    with pytest.raises(TableError, match=r"times are integers, timestamps or dates"):
        time_column(column([0.5]), source(1), "t")
