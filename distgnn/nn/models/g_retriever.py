"""G-Retriever: a language model that reads a graph's embedding before the question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.models.llm import generate, package, training_loss
from distgnn.nn.utils.scatter import scatter

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.models.llm import LLM

LORA = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.05, "bias": "none", "task_type": "CAUSAL_LM"}
"""Low-rank adaptation as in the paper: rank, scale, dropout."""
_ADAPTED = ("q_proj", "v_proj")


class GRetriever(nn.Module):
    r"""A GNN whose embedding of a graph a language model reads before the question.

    From `"G-Retriever: Retrieval-Augmented Generation for Textual Graph Understanding and Question
    Answering" <https://arxiv.org/abs/2402.07630>`_.

    .. math::
        \mathbf{h}_g = \mathrm{MLP}\left(\frac{1}{|\mathcal{V}_g|} \sum_{i \in \mathcal{V}_g}
        \mathrm{GNN}(\mathbf{X}, \mathbf{A}, \mathbf{E})_i\right), \quad
        p(\mathrm{answer}) = \mathrm{LLM}([\mathbf{h}_g \,\|\, \mathrm{context}
        \,\|\, \mathrm{question}])

    Graph i of a batch belongs to question i; a question whose graph has no nodes gets none.

    Args:
        llm: The language model. It comes frozen: then only GNN and projector learn.
        gnn: The GNN, with an attribute `out_channels`: ``gnn(x, edge_index, edge_attr=...)``.
        use_lora: Let the language model learn by low-rank adaptation of its query and value maps
            (`LoRA <https://arxiv.org/abs/2106.09685>`_, by peft; the maps that peft names for the
            model if none has these names). Default False.
        mlp_out_channels: Size of a graph's embedding after projection: the language model's hidden
            size. Default 4096.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, edges :math:`(2, |\mathcal{E}|)`,
          `SparseTensor` or `CSC`; batch vector :math:`(|\mathcal{V}|)`, edge features
          :math:`(|\mathcal{E}|, D)` *(optional)*, a text per graph
        - **output:** the loss (scalar), or a text per graph

    Raises:
        ArgumentError: `mlp_out_channels` is not the hidden size of the language model, or nothing
            in it can be adapted.
        MissingDependencyError: `use_lora` without peft.
    """

    def __init__(
        self, llm: LLM, gnn: nn.Module, use_lora: bool = False, mlp_out_channels: int = 4096
    ) -> None:
        super().__init__()
        self.word_embedding: Any = llm.word_embedding
        hidden_size = self.word_embedding.weight.size(1)
        if mlp_out_channels != hidden_size:
            msg = (
                f"mlp_out_channels={mlp_out_channels}, but {llm} reads embeddings of "
                f"{hidden_size}: give mlp_out_channels={hidden_size}"
            )
            raise ArgumentError(msg)
        self.llm = llm
        self.gnn = gnn.to(llm.device)
        size: Any = gnn.out_channels
        self.projector = nn.Sequential(
            nn.Linear(size, size), nn.Sigmoid(), nn.Linear(size, mlp_out_channels)
        ).to(llm.device)
        self.llm_generator: Any = _adapted(llm.llm) if use_lora else llm.llm

    def encode(
        self, x: Tensor, edge_index: Adjacency, batch: Tensor, edge_attr: Tensor | None
    ) -> Tensor:
        """Return the mean of each graph's node embeddings.

        Args:
            x: Node features, float [N, F].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            batch: Graph of each node, int64 [N].
            edge_attr: Edge features, float [E, D], or None.

        Returns:
            Float [B, gnn.out_channels], zeros for a graph without nodes.
        """
        device = self.llm.device
        attributes = None if edge_attr is None else edge_attr.to(device)
        out = self.gnn(x.to(device), edge_index.to(device), edge_attr=attributes)
        return scatter(out, batch.to(device), dim=0, reduce="mean")

    def forward(
        self,
        question: list[str],
        x: Tensor,
        edge_index: Adjacency,
        batch: Tensor,
        label: list[str],
        edge_attr: Tensor | None = None,
        additional_text_context: list[str] | None = None,
    ) -> Tensor:
        """Return the training loss: the mean negative log-likelihood of the labels' tokens.

        Args:
            question: A question for each graph.
            x: Node features, float [N, F].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            batch: Graph of each node, int64 [N].
            label: The answer to each question.
            edge_attr: Edge features, float [E, D]. Default None.
            additional_text_context: Text to put before each question, as the graph in words.
                Default None.

        Raises:
            ArgumentError: Lists differ in length, a graph has no question, or a prompt with its
                answer is longer than what the language model reads.
        """
        embeddings = self._embeddings(question, x, edge_index, batch, edge_attr)
        embeds = self.llm._get_embeds(  # noqa: SLF001 -- torch-geometric's LLM has it under this name
            question, additional_text_context, embeddings, label
        )
        return training_loss(self.llm, self.llm_generator, embeds)

    @torch.no_grad()
    def inference(
        self,
        question: list[str],
        x: Tensor,
        edge_index: Adjacency,
        batch: Tensor,
        edge_attr: Tensor | None = None,
        additional_text_context: list[str] | None = None,
        max_out_tokens: int | None = 32,
    ) -> list[str]:
        """Return an answer for each graph.

        Args:
            question: A question for each graph.
            x: Node features, float [N, F].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            batch: Graph of each node, int64 [N].
            edge_attr: Edge features, float [E, D]. Default None.
            additional_text_context: Text to put before each question. Default None.
            max_out_tokens: Largest number of tokens of an answer; None: 32. Default 32.

        Raises:
            ArgumentError: As in `forward`.
        """
        embeddings = self._embeddings(question, x, edge_index, batch, edge_attr)
        embeds = self.llm._get_embeds(question, additional_text_context, embeddings)  # noqa: SLF001
        limit = 32 if max_out_tokens is None else max_out_tokens
        return generate(self.llm, self.llm_generator, embeds, limit)

    def _embeddings(
        self,
        question: list[str],
        x: Tensor,
        edge_index: Adjacency,
        batch: Tensor,
        edge_attr: Tensor | None,
    ) -> list[Tensor | None]:
        """Return the projected embedding of each question's graph, [1, mlp_out_channels]."""
        present = set(batch.unique().tolist())
        if present and max(present) >= len(question):
            msg = (
                f"batch names graph {max(present)}, but there are {len(question)} questions: graph "
                f"i belongs to question i"
            )
            raise ArgumentError(msg)
        rows = self.projector(self.encode(x, edge_index, batch, edge_attr))
        return [rows[i].unsqueeze(0) if i in present else None for i in range(len(question))]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n  llm={self.llm},\n  gnn={self.gnn},\n)"


def _adapted(model: Any) -> Any:
    """Return `model` with low-rank adapters that learn; everything else in it does not."""
    peft = package("peft")
    if getattr(model, "is_quantized", False):
        model = peft.prepare_model_for_kbit_training(model)
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    modules = list(_ADAPTED) if names.issuperset(_ADAPTED) else None
    try:
        return peft.get_peft_model(model, peft.LoraConfig(target_modules=modules, **LORA))
    except ValueError as error:
        msg = (
            f"use_lora=True, but {type(model).__name__} has no modules q_proj and v_proj, and peft "
            f"does not know which to adapt instead ({error}): use use_lora=False"
        )
        raise ArgumentError(msg) from error
