"""A causal language model small enough to be built by a test, with a tokenizer trained here."""

from functools import cache

import tokenizers
import torch
import transformers
from tokenizers import decoders, pre_tokenizers, trainers

transformers.logging.disable_progress_bar()

CONTEXT = 64
HIDDEN = 32
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
CHAT = (
    "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)
CORPUS = [
    "does the root see a red node? yes no",
    "red green blue points to the root of the tree",
    "is there a path from the red node to the blue node? Answer:",
]


@cache
def vocabulary():
    found = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    found.train_from_iterator(CORPUS, trainer)
    return found


def save_tokenizer(folder, *, chat=False, **without):
    """Save it; `without` names tokens that it shall not have, as ``pad_token=None``."""
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=vocabulary(), **{**names, **without}
    )
    if chat:
        tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)


def save_model(folder, kind="llama", seed=0):
    torch.manual_seed(seed)
    shared = {
        "vocab_size": vocabulary().get_vocab_size(),
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 3,
        "initializer_range": 0.2,
    }
    if kind == "llama":
        model = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                hidden_size=HIDDEN,
                intermediate_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=CONTEXT,
                **shared,
            )
        )
    else:  # learned absolute positions
        model = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                n_embd=HIDDEN, n_layer=2, n_head=4, n_positions=CONTEXT, **shared
            )
        )
    model.save_pretrained(folder)


def save(folder, kind="llama", **tokenizer):
    save_model(folder, kind)
    save_tokenizer(folder, **tokenizer)
    return folder
