import sys

import pytest
from torch import nn

from distgnn.exceptions import ConfigError
from distgnn.train.config import ModelConfig
from distgnn.train.models import build_model, model_names

FROM_GRAPH = {"in_channels": 5, "out_channels": 3}


class Narrow(nn.Module):
    """Takes nothing but sizes."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.lin = nn.Linear(in_channels, out_channels)


class HandsOn(Narrow):
    """Hands all arguments on."""

    def __init__(self, **kwargs):
        super().__init__(kwargs["in_channels"], kwargs["out_channels"])
        self.given = set(kwargs)


class Picky(nn.Module):
    """Refuses what it is given."""

    def __init__(self, **kwargs):
        super().__init__()
        msg = "heads must divide hidden_channels"
        raise ValueError(msg)


def build(**settings):
    return build_model(ModelConfig(**settings), num_layers=2, from_graph=FROM_GRAPH)


def test_a_model_by_name_gets_sizes_and_settings():
    model, arguments = build(name="MLP", hidden_channels=7, dropout=0.5, norm="layer_norm")
    assert arguments["in_channels"] == 5
    assert arguments["num_layers"] == 2
    assert [tuple(lin.weight.shape) for lin in model.lins] == [(7, 5), (3, 7)]


def test_settings_at_their_default_are_left_out_where_the_model_has_none():
    model, arguments = build(target=f"{__name__}.Narrow")
    assert arguments == FROM_GRAPH
    assert model.lin.in_features == 5


def test_a_constructor_that_names_nothing_gets_everything():
    model, _ = build(target=f"{__name__}.HandsOn", options={"heads": 4})
    assert {"in_channels", "out_channels", "num_layers", "dropout", "heads"} <= model.given


def test_options_reach_the_constructor():
    model, _ = build(name="MLP", options={"plain_last": False})
    assert model.plain_last is False


def test_a_module_in_the_working_directory_can_be_named(tmp_path, monkeypatch):
    (tmp_path / "brought_along.py").write_text("from tests.train.test_models import Narrow as Mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    model, _ = build(target="brought_along.Mine")
    assert isinstance(model, Narrow)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "MPL"}, "model.name = 'MPL': distgnn.nn has no such model; did you mean 'MLP'"),
        ({"target": "Narrow"}, "is no import path"),
        ({"target": "absent.package.Model"}, "cannot be imported: No module named 'absent'"),
        ({"target": f"{__name__}.Absent"}, "cannot be imported"),
        ({"target": f"{__name__}.FROM_GRAPH"}, "is no subclass of torch.nn.Module"),
        ({"target": f"{__name__}.Narrow", "dropout": 0.5}, "model.dropout = 0.5, but Narrow has"),
        (
            {"target": f"{__name__}.Narrow", "options": {"out_channel": 1}},
            "did you mean 'out_channels'",
        ),
        ({"target": f"{__name__}.Picky"}, "is refused: heads must divide hidden_channels"),
        ({"name": "MLP", "act": "rellu"}, "is refused"),
    ],
)
def test_bad_models_are_refused(settings, message):
    with pytest.raises(ConfigError) as error:
        build(**settings)
    assert message in str(error.value)


def test_only_modules_count_as_models():
    assert "MLP" in model_names()
    assert all(name[0].isupper() for name in model_names())
