"""A causal language model of Hugging Face that reads graph embeddings among its tokens."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, MissingDependencyError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

IGNORED = -100
"""Label of a token that the loss leaves out."""
TEMPLATES = ("auto", "chat", "plain")
_GRAPH = "<|embedded graph|>"
"""Stands for the embeddings while a chat template is filled in."""


class LLM(nn.Module):
    r"""A causal language model, its tokenizer and its template of questions.

    A prompt is, in this order, what the template starts with, embeddings (for instance of a graph,
    each in place of one token), the context, the question, and what the template ends with. In
    training the answer and an end-of-sequence token follow, and the loss is that of these.

    Args:
        model_name: A folder with a model in the format of transformers, or an id on the Hugging
            Face hub.
        dtype: Type of the weights. Default ``torch.bfloat16``.
        device_map: Where the weights go: a device, ``"auto"`` (spread over all devices) or devices
            by module, as transformers takes it. Default None: the CPU.
        template: ``"chat"``: the tokenizer's own, ``"plain"``: context, question and ``Answer:`` on
            a line each, or ``"auto"``: chat if the tokenizer has one. Default ``"auto"``.
        system_prompt: Text before everything else. Default None.
        frozen: Keep the weights as they are: gradients go through the model and not to it. Default
            True.
        gradient_checkpointing: Compute activations again in the backward pass while training.
            Default False.
        gguf_file: A file in that format within `model_name`, with model and tokenizer. Default
            None.
        **kwargs: Further arguments of transformers' ``AutoModelForCausalLM.from_pretrained``.

    Raises:
        MissingDependencyError: transformers is not installed.
        ArgumentError: There is no such model, it has no tokenizer, no end-of-sequence token, or no
            chat template where that is asked for; or `template` is unknown.
    """

    def __init__(
        self,
        model_name: str | Path,
        dtype: torch.dtype = torch.bfloat16,
        *,
        device_map: str | Mapping[str, Any] | None = None,
        template: str = "auto",
        system_prompt: str | None = None,
        frozen: bool = True,
        gradient_checkpointing: bool = False,
        gguf_file: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if template not in TEMPLATES:
            msg = f"template={template!r} is unknown{nearest(template, TEMPLATES)}"
            raise ArgumentError(msg)
        self.model_name = str(model_name)
        self.dtype = dtype
        self.system_prompt = system_prompt
        if gguf_file is not None:
            kwargs["gguf_file"] = gguf_file
        self.tokenizer = _tokenizer(self.model_name, gguf_file)
        self.uses_chat_template = self._chooses_chat(template)
        self.llm: Any = _model(self.model_name, dtype, device_map, kwargs)
        self.llm.generation_config.pad_token_id = self.tokenizer.pad_token_id
        if frozen:
            self.llm.requires_grad_(requires_grad=False)
        if gradient_checkpointing:
            self.llm.activation_checkpointing_enable({"use_reentrant": False})
        self.word_embedding: Any = self.llm.get_input_embeddings()

    @property
    def device(self) -> torch.device:
        """Where the embeddings of words are, and so where inputs go."""
        weight: Tensor = next(self.word_embedding.parameters())
        return weight.device

    @property
    def autocast_context(self) -> AbstractContextManager[None]:
        """The context in which a model of half precision runs on a GPU."""
        if self.device.type == "cpu" or self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def forward(
        self,
        question: list[str],
        answer: list[str],
        context: list[str] | None = None,
        embedding: Sequence[Tensor | None] | None = None,
    ) -> Tensor:
        """Return the mean negative log-likelihood of the answers' tokens, a scalar.

        Args:
            question: The questions.
            answer: The answer to each.
            context: Text to put before each question. Default None.
            embedding: Rows to put before each context, float [any number, hidden size]; None: none.

        Raises:
            ArgumentError: Lists differ in length, an embedding does not fit the model, or a prompt
                with its answer is longer than what the model reads.
        """
        return training_loss(self, self.llm, self._get_embeds(question, context, embedding, answer))

    @torch.no_grad()
    def inference(
        self,
        question: list[str],
        context: list[str] | None = None,
        embedding: Sequence[Tensor | None] | None = None,
        max_tokens: int = 32,
    ) -> list[str]:
        """Return an answer to each question, of `max_tokens` tokens at most.

        Args:
            question: The questions.
            context: Text to put before each question. Default None.
            embedding: Rows to put before each context, float [any number, hidden size]; None: none.
            max_tokens: Largest number of tokens of an answer. Default 32.

        Raises:
            ArgumentError: As in `forward`.
        """
        embeds = self._get_embeds(question, context, embedding)
        return generate(self, self.llm, embeds, max_tokens)

    def _get_embeds(
        self,
        question: list[str],
        context: list[str] | None = None,
        embedding: Sequence[Tensor | None] | None = None,
        answer: list[str] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the inputs, where they are no padding, and the labels of the tokens.

        Prompts are padded on the left, so that answers start side by side; with answers they are
        padded on the right, so that positions count from 0 in every model.

        Returns:
            Float [B, T, hidden size], int64 [B, T] and, if there are answers, int64 [B, T].
        """
        _check_lists(question=question, context=context, embedding=embedding, answer=answer)
        rows, labels = [], []
        for i, text in enumerate(question):
            before, after = self._prompt(text, None if context is None else context[i])
            end = [] if answer is None else [*self._ids(answer[i]), self.tokenizer.eos_token_id]
            parts = [self._embedded(before), self._embedded(after + end)]
            if embedding is not None and (given := embedding[i]) is not None:
                parts.insert(1, self._checked(given, i))
            rows.append(torch.cat(parts))
            label = torch.full((rows[-1].size(0),), IGNORED, device=self.device)
            label[label.numel() - len(end) :] = torch.tensor(end, dtype=torch.int64)
            labels.append(label)
            check_context(self.llm, label.numel(), f"question {i} ({text[:40]!r})")
        side = "left" if answer is None else "right"
        mask = _pad([torch.ones_like(label) for label in labels], 0, side)
        padded = None if answer is None else _pad(labels, IGNORED, side)
        return _pad(rows, 0.0, side), mask, padded

    def _prompt(self, question: str, context: str | None) -> tuple[list[int], list[int]]:
        """Return the tokens before and after the embeddings."""
        text = question if context is None else f"{context}\n{question}"
        if self.uses_chat_template:
            messages = [{"role": "user", "content": f"{_GRAPH}\n{text}"}]
            if self.system_prompt is not None:
                messages.insert(0, {"role": "system", "content": self.system_prompt})
            filled = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
            before, _, after = filled.partition(_GRAPH)
        else:
            system = "" if self.system_prompt is None else f"{self.system_prompt}\n"
            before = f"{self.tokenizer.bos_token or ''}{system}"
            after = f"{text}\nAnswer:\n"
        return self._ids(before), self._ids(after)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _embedded(self, ids: list[int]) -> Tensor:
        return self.word_embedding(torch.tensor(ids, dtype=torch.int64, device=self.device))

    def _checked(self, embedding: Tensor, question: int) -> Tensor:
        size = self.word_embedding.weight.size(1)
        if embedding.dim() != 2 or embedding.size(1) != size:
            msg = (
                f"the embedding of question {question} has shape {list(embedding.shape)}, but "
                f"tokens of {self.model_name} have {size} entries: expected [any number, {size}]"
            )
            raise ArgumentError(msg)
        return embedding.to(self.device, self.word_embedding.weight.dtype)

    def _chooses_chat(self, template: str) -> bool:
        has_template = getattr(self.tokenizer, "chat_template", None) is not None
        if template == "chat" and not has_template:
            msg = (
                f"the tokenizer of {self.model_name} has no chat template: use template='plain', "
                f"or set tokenizer.chat_template and save it"
            )
            raise ArgumentError(msg)
        return has_template and template != "plain"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model_name})"


def training_loss(
    llm: LLM, generator: nn.Module, embeds: tuple[Tensor, Tensor, Tensor | None]
) -> Tensor:
    """Return the loss that `generator` (the model of `llm`, maybe adapted) has on the labels."""
    inputs, mask, labels = embeds
    with llm.autocast_context:
        return generator(inputs_embeds=inputs, attention_mask=mask, labels=labels).loss


def generate(
    llm: LLM,
    generator: Any,
    embeds: tuple[Tensor, Tensor, Tensor | None],
    max_tokens: int,
) -> list[str]:
    """Return the texts with which `generator` goes on.

    Raises:
        ArgumentError: Prompts and answers together are longer than what the model reads.
    """
    inputs, mask, _ = embeds
    check_context(generator, inputs.size(1) + max_tokens, f"a question and {max_tokens} new tokens")
    with llm.autocast_context:
        ids = generator.generate(
            inputs_embeds=inputs, attention_mask=mask, max_new_tokens=max_tokens, use_cache=True
        )
    texts: list[str] = llm.tokenizer.batch_decode(ids, skip_special_tokens=True)
    return texts


def check_context(model: Any, num_tokens: int, what: str) -> None:
    """Check that a model reads that many tokens.

    Raises:
        ArgumentError: It does not.
    """
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if limit is not None and num_tokens > limit:
        msg = (
            f"{what} takes {num_tokens} tokens, template, context and answer included, but the "
            f"model reads {limit}: shorten the question or the text around it, or take a model "
            f"with a longer context"
        )
        raise ArgumentError(msg)


@cache
def package(name: str) -> ModuleType:
    """Import transformers or peft.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        msg = (
            f"{name} is needed for this and cannot be imported ({error}): "
            f"`pip install distgnn[llm]` installs it"
        )
        raise MissingDependencyError(msg) from error


def _model(
    name: str,
    dtype: torch.dtype,
    device_map: str | Mapping[str, Any] | None,
    kwargs: Mapping[str, Any],
) -> Any:
    more = {} if device_map is None else {"device_map": device_map}
    try:
        return package("transformers").AutoModelForCausalLM.from_pretrained(
            name, dtype=dtype, **more, **kwargs
        )
    except (OSError, ValueError) as error:
        msg = (
            f"no causal language model can be loaded from {name!r} ({error}): give a folder with "
            f"config.json and weights, or an id on the hub"
        )
        raise ArgumentError(msg) from error


def _tokenizer(name: str, gguf_file: str | None) -> Any:
    more = {} if gguf_file is None else {"gguf_file": gguf_file}
    try:
        tokenizer = package("transformers").AutoTokenizer.from_pretrained(name, **more)
    except (OSError, ValueError, KeyError) as error:
        msg = (
            f"no tokenizer can be loaded from {name!r} ({error}): give a folder with the files of "
            f"the tokenizer beside those of the model (tokenizer.save_pretrained writes them)"
        )
        raise ArgumentError(msg) from error
    if tokenizer.eos_token is None:
        msg = (
            f"the tokenizer of {name!r} has no end-of-sequence token, so that answers would not "
            f"end: set tokenizer.eos_token and save it"
        )
        raise ArgumentError(msg)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # padding is masked, any token will do
    return tokenizer


def _check_lists(**lists: Sequence[Any] | None) -> None:
    size = len(lists["question"] or ())
    for name, values in lists.items():
        if isinstance(values, str) or (values is not None and len(values) != size):
            found = "is one text" if isinstance(values, str) else f"has {len(values)} entries"
            msg = f"{name} {found}, expected a list with one for each of the questions ({size})"
            raise ArgumentError(msg)
    if size == 0:
        msg = "question is empty: give at least one"
        raise ArgumentError(msg)


def _pad(rows: list[Tensor], value: float, side: str) -> Tensor:
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value, padding_side=side)
