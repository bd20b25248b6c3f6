"""The wrapper of language models, on tiny ones built here and without network."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from distgnn.exceptions import ArgumentError, MissingDependencyError
from distgnn.nn import LLM
from distgnn.nn.models import llm as llm_module
from tests.nn.models.tiny_lm import CONTEXT, HIDDEN, save, save_model, save_tokenizer

QUESTIONS = ["red node?", "does the root see a blue node?"]
ANSWERS = ["yes", "no path"]
CONTEXTS = ["the tree", "red points to blue"]


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def folder(request, tmp_path_factory):
    return save(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def chat_folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("chat"), chat=True)


@pytest.fixture(scope="module")
def llm(folder):
    return LLM(folder, torch.float32).eval()


def ids(llm, text):
    return llm.tokenizer(text, add_special_tokens=False)["input_ids"]


def prompt_ids(llm, question, context):
    return ids(llm, f"<s>{context}\n{question}\nAnswer:\n")


def losses_by_hand(llm):
    """Return the loss of each answer's tokens, one question at a time, nothing padded."""
    for question, context, answer in zip(QUESTIONS, CONTEXTS, ANSWERS, strict=True):
        prompt, end = prompt_ids(llm, question, context), [*ids(llm, answer), 2]
        logits = llm.llm(input_ids=torch.tensor([prompt + end])).logits[0]
        yield F.cross_entropy(
            logits[len(prompt) - 1 : -1], torch.tensor(end), reduction="none"
        ).detach()


def test_loss_by_hand(llm):
    expected = torch.cat(list(losses_by_hand(llm))).mean()
    torch.testing.assert_close(llm(QUESTIONS, ANSWERS, CONTEXTS), expected)


def test_embeddings_take_the_place_of_tokens(llm):
    """The rows of a text's tokens do what the text does."""
    text = [llm.word_embedding(torch.tensor(ids(llm, f"{context}\n"))) for context in CONTEXTS]
    expected = llm(QUESTIONS, ANSWERS, CONTEXTS)
    torch.testing.assert_close(llm(QUESTIONS, ANSWERS, embedding=text), expected)
    assert llm(QUESTIONS, ANSWERS, embedding=[None, text[1]]) != expected


def test_greedy_answers_by_hand(llm):
    found = llm.inference(QUESTIONS, CONTEXTS, max_tokens=6)
    for text, question, context in zip(found, QUESTIONS, CONTEXTS, strict=True):
        prompt = prompt_ids(llm, question, context)
        new = []
        while len(new) < 6 and 2 not in new:
            logits = llm.llm(input_ids=torch.tensor([prompt + new])).logits
            new.append(int(logits[0, -1].argmax()))
        assert text == llm.tokenizer.decode(new, skip_special_tokens=True)


def test_padding_and_labels(llm):
    inputs, mask, labels = llm._get_embeds(QUESTIONS, None, None, ANSWERS)
    lengths = [len(ids(llm, f"<s>{q}\nAnswer:\n")) for q in QUESTIONS]
    ends = [[*ids(llm, answer), 2] for answer in ANSWERS]
    totals = [a + len(b) for a, b in zip(lengths, ends, strict=True)]
    assert inputs.shape == (2, max(totals), HIDDEN)
    assert mask.sum(dim=1).tolist() == totals
    assert [row[row >= 0].tolist() for row in labels] == ends
    assert [int((row >= 0).nonzero()[0]) for row in labels] == lengths
    inputs, mask, labels = llm._get_embeds(QUESTIONS)
    assert labels is None
    assert mask[0].tolist() == [0] * (lengths[1] - lengths[0]) + [1] * lengths[0]
    assert not inputs[0, : lengths[1] - lengths[0]].any()


def test_chat_template(chat_folder):
    llm = LLM(chat_folder, torch.float32, system_prompt="be brief")
    assert llm.uses_chat_template
    before, after = llm._prompt("red?", "tree")
    assert llm.tokenizer.decode(before) == "<s>[system]be brief</s>[user]"
    assert llm.tokenizer.decode(after) == "\ntree\nred?</s>[assistant]"
    plain = LLM(chat_folder, torch.float32, template="plain", system_prompt="be brief")
    before, after = plain._prompt("red?", None)
    assert plain.tokenizer.decode(before) == "<s>be brief\n"
    assert plain.tokenizer.decode(after) == "red?\nAnswer:\n"


def test_frozen_or_not(folder):
    frozen, free = LLM(folder, torch.float32), LLM(folder, torch.float32, frozen=False)
    assert not any(p.requires_grad for p in frozen.parameters())
    rows = [torch.randn(2, HIDDEN, requires_grad=True) for _ in QUESTIONS]
    frozen(QUESTIONS, ANSWERS, embedding=rows).backward()
    assert all(bool(row.grad.any()) for row in rows)
    free(QUESTIONS, ANSWERS).backward()
    assert free.word_embedding.weight.grad is not None


def test_checkpointing_changes_no_gradient(folder):
    found = []
    for saves in (False, True):
        llm = LLM(folder, torch.float32, frozen=False, gradient_checkpointing=saves)
        llm.train()
        for module in llm.modules():  # GPT-2 drops out
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        assert any(getattr(m, "gradient_checkpointing", False) for m in llm.modules()) is saves
        loss = llm(QUESTIONS, ANSWERS)
        loss.backward()
        found.append((loss, llm.word_embedding.weight.grad))
    torch.testing.assert_close(found[0], found[1])


def test_types_devices_and_names(chat_folder):
    llm = LLM(str(chat_folder), device_map="cpu")
    assert llm.word_embedding.weight.dtype == torch.bfloat16
    assert llm.device == torch.device("cpu")
    assert repr(llm) == f"LLM({chat_folder})"
    assert llm(QUESTIONS, ANSWERS, embedding=[torch.randn(1, HIDDEN), None]).isfinite()
    assert {key.split(".")[0] for key in llm.state_dict()} == {"llm", "word_embedding"}


def test_without_a_pad_token_prompts_end_with_another(tmp_path):
    llm = LLM(save(tmp_path, pad_token=None), torch.float32)
    assert llm.tokenizer.pad_token == "</s>"
    assert len(llm.inference(QUESTIONS, max_tokens=2)) == 2


def test_files_that_are_missing(tmp_path):
    with pytest.raises(ArgumentError, match=r"no tokenizer can be loaded from .*nothing"):
        LLM(tmp_path / "nothing")
    save_model(tmp_path)
    with pytest.raises(ArgumentError, match="give a folder with the files of the tokenizer"):
        LLM(tmp_path)
    save_tokenizer(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ArgumentError, match="no causal language model can be loaded"):
        LLM(tmp_path)


def test_tokens_that_are_missing(tmp_path):
    save(tmp_path, eos_token=None)
    with pytest.raises(ArgumentError, match="no end-of-sequence token"):
        LLM(tmp_path)


def test_unknown_template(chat_folder, folder):
    with pytest.raises(ArgumentError, match="template='chatt' is unknown; did you mean 'chat'"):
        LLM(chat_folder, template="chatt")
    with pytest.raises(ArgumentError, match="has no chat template: use template='plain'"):
        LLM(folder, template="chat")


def test_questions_longer_than_the_context(llm):
    long = "is there a path? " * 40
    with pytest.raises(ArgumentError, match=rf"question 1 \('is there.* the model reads {CONTEXT}"):
        llm(["red?", long], ANSWERS)
    with pytest.raises(ArgumentError, match="question 0"):
        llm.inference(["red?"], [long])
    with pytest.raises(ArgumentError, match="a question and 60 new tokens takes"):
        llm.inference(["red?"], max_tokens=60)


def test_lists_that_do_not_fit(llm):
    with pytest.raises(ArgumentError, match=r"question is one text, expected a list"):
        llm.inference("red?")
    with pytest.raises(ArgumentError, match=r"answer has 1 entries, .* questions \(2\)"):
        llm(QUESTIONS, ["yes"])
    with pytest.raises(ArgumentError, match="context has 3 entries"):
        llm.inference(QUESTIONS, ["a", "b", "c"])
    with pytest.raises(ArgumentError, match="question is empty"):
        llm.inference([])
    with pytest.raises(ArgumentError, match=r"question 1 has shape \[1, 5\], .* have 32 entries"):
        llm.inference(QUESTIONS, embedding=[None, torch.randn(1, 5)])


def test_without_transformers(monkeypatch):
    llm_module.package.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match=r"pip install distgnn\[llm\]"):
        LLM("anything")
    llm_module.package.cache_clear()


def test_import_of_the_zoo_loads_none_of_it():
    code = (
        "import sys, distgnn.nn; "
        "sys.exit(any(m in sys.modules for m in ('transformers', 'peft', 'captum')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
