"""A small multilingual encoder and corpus, made here: untrained weights, and a tokenizer that reads three languages."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

SENTENCES = Path(__file__).resolve().parents[1] / "chatbot" / "languages"
LANGUAGES = ("de", "fr", "es")
INTENTS = {
    "rechnung": r"rechnung|factur",
    "lieferung": r"paket|liefer|colis|livraison|livré|paquete|envío|entrega",
    "konto": r"konto|passwort|compte|mot de passe|cuenta|contraseña",
    "erstattung": r"geld|erstatt|rembours|argent|dinero|reembols|devolu|devuelv",
}


def sentences() -> list[str]:
    """Return all sentences, without the names of their kinds."""
    texts = ((SENTENCES / f"{code}.txt").read_text(encoding="utf-8") for code in LANGUAGES)
    return [line for text in texts for line in text.splitlines() if not line.startswith("#")]


def write_corpus(file: Path) -> pd.DataFrame:
    """Write a corpus of German, French and Spanish messages, each labelled by its first keyword."""
    rows = [
        (text, intent)
        for text in sentences()
        for intent, words in INTENTS.items()
        if re.search(words, text.lower())
    ]
    frame = pd.DataFrame(rows, columns=["message", "intent"]).drop_duplicates("message")
    frame.to_csv(file, index=False)
    return frame


def make_encoder(folder: Path) -> Path:
    """Save an XLM-RoBERTa of three narrow layers as a SentenceTransformers model; its weights are random."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=2_000, special_tokens=special, unk_token="<unk>")
    tokenizer.train_from_iterator(sentences(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=96, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=192, max_position_embeddings=130, type_vocab_size=1, initializer_range=0.2,
    )  # fmt: skip
    parts = folder / "parts"
    XLMRobertaModel(config).save_pretrained(parts)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=128,
    ).save_pretrained(parts)  # fmt: skip
    words = Transformer(str(parts), max_seq_length=128)
    whole = SentenceTransformer(modules=[words, Pooling(96), Normalize()], device="cpu")
    out = folder / "multilingual"
    whole.save(str(out))
    return out
