"""GRetriever over a tiny language model: torch-geometric's numbers, and learning to answer."""

import sys
import warnings

import pytest
import torch
from torch_geometric.llm.models import GRetriever as PyGRetriever

from distgnn.exceptions import ArgumentError, MissingDependencyError
from distgnn.nn import GAT, GCN, LLM, GRetriever
from distgnn.nn.models import llm as llm_module
from tests.nn.models.graphs import EDGES, NUM_NODES, csc, sparse_tensor
from tests.nn.models.tiny_lm import CONTEXT, HIDDEN, save

X = torch.randn(NUM_NODES, 5, generator=torch.Generator().manual_seed(1))
EDGE_ATTR = torch.rand(EDGES.size(1), 3, generator=torch.Generator().manual_seed(2))
BATCH = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
QUESTIONS = ["red node?", "does the root see a blue node?"]
LABELS = ["yes", "no path"]
CONTEXTS = ["the tree", "red points to blue"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("llama"))


def language_model(folder, **options):
    return LLM(folder, torch.float32, **options).eval()


def retriever(folder, use_lora=False, **options):
    torch.manual_seed(0)
    gnn = GAT(5, 16, 2, 12, heads=2, edge_dim=3)
    return GRetriever(language_model(folder, **options), gnn, use_lora, HIDDEN).eval()


def test_agrees_with_pyg(folder):
    """Theirs runs on our language model, on the same GNN and the same projector."""
    ours = retriever(folder)
    theirs = PyGRetriever(ours.llm, ours.gnn).eval()
    layers = [(type(layer), layer.extra_repr()) for layer in ours.projector]
    # Theirs goes on to split the embedding into several tokens: here, one.
    assert layers == [(type(layer), layer.extra_repr()) for layer in theirs.projector][:3]
    theirs.load_state_dict(ours.state_dict(), strict=True)
    for context in (None, CONTEXTS):
        losses, grads = [], []
        for model in (ours, theirs):
            model.zero_grad()
            loss = model(QUESTIONS, X, EDGES, BATCH, LABELS, EDGE_ATTR, context)
            loss.backward()
            losses.append(loss)
            grads.append([p.grad for p in model.parameters() if p.requires_grad])
        torch.testing.assert_close(losses[0], losses[1])
        torch.testing.assert_close(grads[0], grads[1])
        answers = [
            model.inference(QUESTIONS, X, EDGES, BATCH, EDGE_ATTR, context, max_out_tokens=6)
            for model in (ours, theirs)
        ]
        assert answers[0] == answers[1]
    encoded = [model.encode(X, EDGES, BATCH, EDGE_ATTR) for model in (ours, theirs)]
    torch.testing.assert_close(encoded[0], encoded[1])


def test_each_graph_goes_with_its_question(folder):
    model = retriever(folder)
    x, first = X[:4], EDGES[:, (EDGES < 4).all(dim=0)]
    attributes = EDGE_ATTR[: first.size(1)]
    alone = model(QUESTIONS[:1], x, first, BATCH[:4], LABELS[:1], attributes)
    rows = model.projector(model.encode(x, first, BATCH[:4], attributes))
    assert torch.equal(model.llm(QUESTIONS[:1], LABELS[:1], embedding=[rows]), alone)


def test_questions_without_a_graph(folder):
    model = retriever(folder)
    none = torch.empty(2, 0, dtype=torch.int64)
    for graph in (0, 1):
        batch = torch.full((NUM_NODES,), graph)
        loss = model(QUESTIONS, X, EDGES, batch, LABELS, EDGE_ATTR)
        row = model.projector(model.encode(X, EDGES, batch, EDGE_ATTR))[graph].unsqueeze(0)
        rows = [None, row] if graph else [row, None]
        assert torch.equal(loss, model.llm(QUESTIONS, LABELS, embedding=rows))
    loss = model(QUESTIONS, X[:0], none, BATCH[:0], LABELS, EDGE_ATTR[:0])
    assert torch.equal(loss, model.llm(QUESTIONS, LABELS))


@pytest.mark.parametrize("make", [csc, sparse_tensor])
def test_forms_of_edges(folder, make):
    torch.manual_seed(0)
    gnn = GCN(5, 8, 2, 12, normalize=False)
    model = GRetriever(language_model(folder), gnn, mlp_out_channels=HIDDEN)
    expected = model(QUESTIONS, X, EDGES, BATCH, LABELS)
    torch.testing.assert_close(model(QUESTIONS, X, make(), BATCH, LABELS), expected)


def test_what_learns(folder):
    model = retriever(folder)
    model(QUESTIONS, X, EDGES, BATCH, LABELS, EDGE_ATTR).backward()
    learning = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert learning == {"gnn", "projector"}
    assert all(bool(p.grad.any()) for p in model.projector.parameters())
    keys = {name.split(".")[0] for name in model.state_dict()}
    assert keys == {"llm", "gnn", "word_embedding", "llm_generator", "projector"}
    assert {k for k in model.state_dict() if k.startswith("projector")} == {
        f"projector.{i}.{kind}" for i in (0, 2) for kind in ("weight", "bias")
    }
    assert repr(model).startswith(f"GRetriever(\n  llm=LLM({folder}),\n  gnn=GAT(5, 12, num_layers")


def test_lora(folder):
    plain, model = retriever(folder), retriever(folder, use_lora=True)
    args = (QUESTIONS, X, EDGES, BATCH, LABELS, EDGE_ATTR)
    torch.testing.assert_close(model(*args), plain(*args))  # adapters start as zero
    adapters = [
        name
        for name, p in model.llm_generator.named_parameters()
        if p.requires_grad and name.endswith("default.weight")
    ]
    assert len(adapters) == 2 * 2 * 2  # layers, q and v, A and B
    assert all("q_proj.lora_" in name or "v_proj.lora_" in name for name in adapters)
    config = model.llm_generator.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (8, 16, 0.05)
    trainable = {n for n, p in model.llm_generator.named_parameters() if p.requires_grad}
    assert trainable == set(adapters)
    model(*args).backward()
    assert any(
        bool(p.grad.any()) for n, p in model.llm_generator.named_parameters() if n in adapters
    )
    assert len(model.inference(*args[:4], EDGE_ATTR, max_out_tokens=None)) == 2


def test_lora_on_other_names(tmp_path):
    """GPT-2 has no q_proj and v_proj: peft knows what to adapt."""
    llm = LLM(save(tmp_path, "gpt2"), torch.float32)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="fan_in_fan_out is set to False")
        model = GRetriever(llm, GCN(5, 8, 2, 12), use_lora=True, mlp_out_channels=HIDDEN)
    names = [n for n, p in model.llm_generator.named_parameters() if p.requires_grad]
    assert all("c_attn.lora_" in name for name in names)


def test_learns_to_read_graphs(folder):
    """The question is always the same, the answer is in the graph: is there a red node?"""
    torch.manual_seed(0)
    llm = LLM(folder, torch.float32, frozen=False)
    model = GRetriever(llm, GCN(2, 16, 1, 16), mlp_out_channels=HIDDEN)
    sizes = torch.randint(2, 7, (16,))
    batch = torch.arange(16).repeat_interleave(sizes)
    red = (torch.arange(16) % 2).bool()
    colour = torch.zeros(batch.numel(), dtype=torch.int64)
    colour[(sizes.cumsum(0) - sizes)[red]] = 1
    x = torch.nn.functional.one_hot(colour, 2).float()
    follows = (batch[:-1] == batch[1:]).nonzero().flatten()
    edges = torch.stack([follows, follows + 1])
    answers = ["yes" if has else "no" for has in red.tolist()]
    questions = ["is there a red node?"] * 16
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(80):
        optimizer.zero_grad()
        model(questions, x, edges, batch, answers).backward()
        optimizer.step()
    model.eval()
    assert model.inference(questions, x, edges, batch, max_out_tokens=4) == answers


def test_wrong_sizes(folder):
    with pytest.raises(ArgumentError, match=r"mlp_out_channels=4096, .* give mlp_out_channels=32"):
        GRetriever(language_model(folder), GCN(5, 8, 2, 12))
    model = retriever(folder)
    with pytest.raises(ArgumentError, match="batch names graph 1, but there are 1 questions"):
        model(QUESTIONS[:1], X, EDGES, BATCH, LABELS[:1], EDGE_ATTR)
    with pytest.raises(ArgumentError, match="answer has 1 entries"):
        model(QUESTIONS, X, EDGES, BATCH, LABELS[:1], EDGE_ATTR)


def test_questions_longer_than_the_context(folder):
    model = retriever(folder)
    long = ["red?", "is there a path? " * 40]
    with pytest.raises(ArgumentError, match=rf"question 1 .* the model reads {CONTEXT}"):
        model(long, X, EDGES, BATCH, LABELS, EDGE_ATTR)
    with pytest.raises(ArgumentError, match="and 60 new tokens takes"):
        model.inference(QUESTIONS, X, EDGES, BATCH, EDGE_ATTR, max_out_tokens=60)


def test_without_peft(folder, monkeypatch):
    llm = language_model(folder)
    llm_module.package.cache_clear()
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingDependencyError, match="peft is needed for this"):
        GRetriever(llm, GCN(5, 8, 2, 12), use_lora=True, mlp_out_channels=HIDDEN)
    llm_module.package.cache_clear()
