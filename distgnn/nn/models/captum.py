"""Models in the form that captum's attribution methods take: tensors in, one tensor out."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.adjacency import check_edge_index
from distgnn.nn.conv.arguments import edges_of
from distgnn.nn.models.edge_masks import EdgeMask, layers_by_type, layers_of, masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distgnn.nn.adjacency import Adjacency
    from distgnn.schema import EdgeType, NodeType

    Metadata = tuple[list[NodeType], list[EdgeType]]


class MaskLevelType(Enum):
    """What an explanation attributes a prediction to."""

    node = "node"
    """The features of the nodes."""
    edge = "edge"
    """The edges."""
    node_and_edge = "node_and_edge"
    """Both."""

    @property
    def with_edge(self) -> bool:
        """Whether edges are among it."""
        return self is not MaskLevelType.node

    @property
    def with_node(self) -> bool:
        """Whether features of nodes are among it."""
        return self is not MaskLevelType.edge


class CaptumModel(nn.Module):
    r"""A model on one graph whose first inputs are what an explanation attributes to.

    Made by `to_captum_model`. While it runs, every layer that looks like a message-passing layer
    (ours or torch-geometric's), unless its `explain` is False, multiplies its messages by the edge
    mask. Layers that would compute activations again in the backward pass keep them meanwhile.

    Args:
        model: The model: ``model(x, edge_index, *args)`` returns one tensor.
        mask_type: ``"edge"``, ``"node"`` or ``"node_and_edge"``.
        output_idx: The row of the output to explain. Default None: all.

    Shapes:
        - **input:** what `to_captum_input` returns: features :math:`(1, |\mathcal{V}|, F)`, edge
          mask :math:`(1, |\mathcal{E}|)`, or both; then the rest of the model's arguments
        - **output:** that of the model, or its row `output_idx` with a leading dimension of 1

    Raises:
        ArgumentError: The mask type is unknown, or no layer of the model takes an edge mask.
    """

    def __init__(
        self, model: nn.Module, mask_type: str | MaskLevelType, output_idx: int | None = None
    ) -> None:
        super().__init__()
        self.mask_type = mask_level(mask_type)
        self.model = model
        self.output_idx = output_idx
        if self.mask_type.with_edge and not layers_of(model):
            raise ArgumentError(_no_layers(model, self.mask_type, "has no message-passing layer"))

    def forward(self, mask: Tensor, *args: Any) -> Tensor:
        """Run the model.

        Args:
            mask: The first input of `to_captum_input`.
            *args: Its further inputs and its additional arguments.

        Raises:
            ArgumentError: The leading dimension of an input is not 1, an edge mask has not an
                entry per edge, or the output is no tensor with a row `output_idx`.
        """
        count = 2 if self.mask_type is MaskLevelType.node_and_edge else 1
        inputs, rest = _split((mask, *args), count)
        x = inputs[0] if self.mask_type.with_node else rest.pop(0)
        edge_index = rest.pop(0)
        if isinstance(x, dict) or isinstance(edge_index, dict):
            msg = "x or edge_index is a dictionary by type: give to_captum_model() the metadata"
            raise ArgumentError(msg)
        masks = []
        if self.mask_type.with_edge:
            _check_mask(inputs[-1], edge_index, "edge_index")
            masks = [EdgeMask(inputs[-1], edge_index, layers_of(self.model))]
        with masked(self.model, masks):
            out = self.model(x, edge_index, *rest)
        return _output(out, self.output_idx, inputs)


class CaptumHeteroModel(nn.Module):
    r"""A model on a heterogeneous graph whose first inputs are what is attributed to.

    As `CaptumModel`; the mask of an edge type goes to the layers that a module dictionary within
    the model holds for that type, as in `HeteroConv`.

    Here messages are multiplied by the sigmoid of the mask, as torch-geometric does it: masks of 1
    are factors of 0.73. With ``apply_sigmoid=False`` they are the factors, as in `CaptumModel`, so
    that masks of 1 leave the model as it is, and attributions add up to what it predicts.

    Args:
        model: The model: ``model(x_dict, edge_index_dict, *args)`` returns one tensor.
        mask_type: ``"edge"``, ``"node"`` or ``"node_and_edge"``.
        output_idx: The row of the output to explain; None: all.
        metadata: Node types and edge types of the graph, in the order of its dictionaries.
        apply_sigmoid: Whether edge masks go through a sigmoid; see above. Default True.

    Shapes:
        - **input:** what `to_captum_input` returns: features :math:`(1, |\mathcal{V}_t|, F_t)` of
          each node type, then edge masks :math:`(1, |\mathcal{E}_r|)` of each edge type, or either;
          then the rest of the model's arguments
        - **output:** that of the model, or its row `output_idx` with a leading dimension of 1

    Raises:
        ArgumentError: The mask type is unknown, or no layer of the model takes an edge mask.
    """

    def __init__(
        self,
        model: nn.Module,
        mask_type: str | MaskLevelType,
        output_idx: int | None,
        metadata: Metadata,
        apply_sigmoid: bool = True,
    ) -> None:
        super().__init__()
        self.mask_type = mask_level(mask_type)
        self.model = model
        self.output_idx = output_idx
        self.apply_sigmoid = apply_sigmoid
        node_types, edge_types = metadata
        self.node_types, self.edge_types = list(node_types), _triples(edge_types)
        if self.mask_type.with_edge and not any(self._layers().values()):
            problem = f"holds no layer under a name of the edge types {self.edge_types}"
            raise ArgumentError(_no_layers(model, self.mask_type, problem))

    def forward(self, *args: Any) -> Tensor:
        """Run the model.

        Args:
            *args: The inputs and the additional arguments of `to_captum_input`.

        Raises:
            ArgumentError: As in `CaptumModel`, or the dictionary of edges has other types than the
                metadata, or in another order.
        """
        nodes = len(self.node_types) if self.mask_type.with_node else 0
        edges = len(self.edge_types) if self.mask_type.with_edge else 0
        inputs, rest = _split(args, nodes + edges)
        x_dict = dict(zip(self.node_types, inputs, strict=False)) if nodes else rest.pop(0)
        edge_index_dict = rest.pop(0)
        masks = self._masks(inputs[nodes:], edge_index_dict) if edges else []
        with masked(self.model, masks):
            out = self.model(x_dict, edge_index_dict, *rest)
        return _output(out, self.output_idx, inputs)

    def _layers(self) -> dict[EdgeType, list[nn.Module]]:
        return layers_by_type(self.model, self.edge_types)

    def _masks(
        self, values: Sequence[Tensor], edge_index_dict: Mapping[EdgeType, Adjacency]
    ) -> list[EdgeMask]:
        # The masks were made in the order of this dictionary: another one would swap them.
        if list(edge_index_dict) != self.edge_types:
            msg = (
                f"edge_index_dict has the edge types {list(edge_index_dict)}, the metadata has "
                f"{self.edge_types}: both must have the same types in the same order"
            )
            raise ArgumentError(msg)
        layers = self._layers()
        found = []
        for edge_type, mask in zip(self.edge_types, values, strict=True):
            edge_index = edge_index_dict[edge_type]
            _check_mask(mask, edge_index, f"edge_index_dict[{edge_type!r}]")
            found.append(EdgeMask(mask, edge_index, layers[edge_type], self.apply_sigmoid))
        return found


def to_captum_model(
    model: nn.Module,
    mask_type: str | MaskLevelType = MaskLevelType.edge,
    output_idx: int | None = None,
    metadata: Metadata | None = None,
) -> CaptumModel | CaptumHeteroModel:
    """Convert a model to one that captum (https://captum.ai) can explain.

    .. code-block:: python

        captum_model = to_captum_model(model, "edge", output_idx=10)
        inputs, additional = to_captum_input(x, edge_index, "edge")
        attributions = IntegratedGradients(captum_model).attribute(
            inputs, target=label, additional_forward_args=additional, internal_batch_size=1
        )

    Args:
        model: The model: ``model(x, edge_index, *args)`` returns one tensor. Put it in evaluation
            mode.
        mask_type: What to attribute to: ``"edge"``, ``"node"`` (their features) or
            ``"node_and_edge"``. Default ``"edge"``.
        output_idx: The row of the output (node or link) to explain. Default None: all rows.
        metadata: Node types and edge types of a heterogeneous graph, in the order of its
            dictionaries. Default None: a homogeneous one.

    Raises:
        ArgumentError: The mask type is unknown, or no layer of the model takes an edge mask.
    """
    if metadata is None:
        return CaptumModel(model, mask_type, output_idx)
    return CaptumHeteroModel(model, mask_type, output_idx, metadata)


def to_captum_input(
    x: Tensor | dict[NodeType, Tensor],
    edge_index: Adjacency | dict[EdgeType, Adjacency],
    mask_type: str | MaskLevelType,
    *args: Any,
) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:
    """Return what captum's `attribute` takes: `inputs` and `additional_forward_args`.

    Args:
        x: Node features, float [N, F], or by node type.
        edge_index: int64 [2, E], `SparseTensor` or `CSC` (the mask then follows its edges), or
            these by edge type.
        mask_type: ``"edge"``, ``"node"`` or ``"node_and_edge"``.
        *args: Further arguments of the model.

    Returns:
        Two tuples. The inputs: the features, [1, N, F], and edge masks, ones that want a gradient,
        [1, E], as far as the mask type names them, with a tensor per type of a heterogeneous graph.
        The additional arguments: what the model takes besides.

    Raises:
        ArgumentError: The mask type is unknown, or only one of `x` and `edge_index` is by type.
    """
    level = mask_level(mask_type)
    if isinstance(x, dict) != isinstance(edge_index, dict):
        msg = (
            f"x is a {type(x).__name__} and edge_index a {type(edge_index).__name__}: give either "
            f"two dictionaries by type, or tensors"
        )
        raise ArgumentError(msg)
    features = list(x.values()) if isinstance(x, dict) else [x]
    edges = list(edge_index.values()) if isinstance(edge_index, dict) else [edge_index]
    inputs: list[Tensor] = []
    if level.with_node:
        inputs += [rows.unsqueeze(0) for rows in features]
    if level.with_edge:
        dtype = next((rows.dtype for rows in features if rows.is_floating_point()), None)
        inputs += [_ones(of_type, dtype, features[0].device) for of_type in edges]
    rest = (edge_index, *args) if level.with_node else (x, edge_index, *args)
    return tuple(inputs), rest


def captum_output_to_dicts(
    captum_attrs: tuple[Tensor, ...],
    mask_type: str | MaskLevelType,
    metadata: Metadata,
) -> tuple[dict[NodeType, Tensor] | None, dict[EdgeType, Tensor] | None]:
    """Sort attributions of a heterogeneous graph by type.

    Args:
        captum_attrs: What captum's `attribute` returned, a tensor per input.
        mask_type: ``"edge"``, ``"node"`` or ``"node_and_edge"``.
        metadata: Node types and edge types, in the order of the graph's dictionaries.

    Returns:
        Attributions of the features, float [N, F] by node type, and of the edges, float [E] by edge
        type; None for what the mask type does not name.

    Raises:
        ArgumentError: The mask type is unknown, or there is not one tensor per type.
    """
    level = mask_level(mask_type)
    node_types, edge_types = metadata
    nodes = list(node_types) if level.with_node else []
    edges = _triples(edge_types) if level.with_edge else []
    if len(captum_attrs) != len(nodes) + len(edges):
        msg = (
            f"captum_attrs has {len(captum_attrs)} tensors, expected {len(nodes)} of node types "
            f"and {len(edges)} of edge types for mask_type={level.value!r}"
        )
        raise ArgumentError(msg)
    values = [attribution.squeeze(0) for attribution in captum_attrs]
    x_dict = dict(zip(nodes, values, strict=False)) if level.with_node else None
    edge_dict = dict(zip(edges, values[len(nodes) :], strict=True)) if level.with_edge else None
    return x_dict, edge_dict


def mask_level(mask_type: str | MaskLevelType) -> MaskLevelType:
    """Return the member of a name.

    Raises:
        ArgumentError: The name is unknown.
    """
    if isinstance(mask_type, MaskLevelType):
        return mask_type
    known = MaskLevelType.__members__
    if mask_type not in known:
        msg = f"mask_type={mask_type!r} is unknown{nearest(str(mask_type), known)}"
        raise ArgumentError(msg)
    return known[mask_type]


def _triples(edge_types: Sequence[EdgeType]) -> list[EdgeType]:
    """Return the edge types as they are keys of dictionaries, also if lists were given."""
    return [(source, relation, target) for source, relation, target in edge_types]


def _ones(edge_index: Adjacency, dtype: torch.dtype | None, device: torch.device) -> Tensor:
    check_edge_index(edge_index)
    count = edges_of(edge_index).ends[0].numel()
    return torch.ones(1, count, dtype=dtype, device=device, requires_grad=True)


def _split(args: Sequence[Any], count: int) -> tuple[list[Tensor], list[Any]]:
    """Return the inputs without their leading dimension, and the model's further arguments."""
    inputs = list(args[:count])
    for position, given in enumerate(inputs):
        if given.size(0) != 1:
            msg = (
                f"input {position} has shape {list(given.shape)}: its leading dimension must be 1, "
                f"since a graph is one sample; give captum internal_batch_size=1 "
                f"(perturbations_per_eval=1)"
            )
            raise ArgumentError(msg)
    return [given.squeeze(0) for given in inputs], list(args[count:])


def _check_mask(mask: Tensor, edge_index: Adjacency, name: str) -> None:
    count = edges_of(edge_index).ends[0].numel()
    if mask.dim() != 1 or mask.numel() != count:
        msg = f"the edge mask has shape {[1, *mask.shape]}, expected [1, {count}]: one for {name}"
        raise ArgumentError(msg)


def _no_layers(model: nn.Module, level: MaskLevelType, problem: str) -> str:
    return (
        f"mask_type={level.value!r} needs layers that take edge masks, but {type(model).__name__} "
        f"{problem} that lets itself be explained: use mask_type='node'"
    )


def _output(out: Any, output_idx: int | None, inputs: Sequence[Tensor]) -> Tensor:
    if not isinstance(out, Tensor):
        msg = (
            f"the model returns a {type(out).__name__}, but captum explains one tensor: wrap the "
            f"model so that it returns the output to explain"
        )
        raise ArgumentError(msg)
    # Adds 0: an input that the output does not depend on gets attributions of 0 and no error.
    out = out + sum(given.flatten()[:0].sum() for given in inputs)
    if output_idx is None:
        return out
    if out.dim() == 0 or not -out.size(0) <= output_idx < out.size(0):
        msg = f"output_idx={output_idx} is out of range: the output has shape {list(out.shape)}"
        raise ArgumentError(msg)
    return out[output_idx].unsqueeze(0)
