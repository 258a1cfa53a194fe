"""Text to unit vector: a SentenceTransformers encoder, exported to ONNX int8, on one CPU core.

A message has the same vector alone and in any company: the ranges of its integers lie in the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from chatbot.errors import BundleError

MODEL_FILE = "encoder.onnx"
TOKENIZER_FILE = "tokenizer.json"
OUTPUTS = ("sentence_embedding", "middle_embedding", "bottom_embedding")

# Padding is the cost of a batch: rows are sorted by length and run a few at a time.
INNER_BATCH = 8
# On a CPU, ONNX Runtime's fused node takes several times as long as the two that it stands for, a third of the whole.
SLOWER = ["SkipLayerNormFusion"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder says of `n` messages.

    Attributes:
        vectors: shape (n, dim), float32, each row of length one: the sentence embedding.
        middle, bottom: the same of the layer two thirds up, and of the words as they enter the first layer,
            mean-pooled: they cost nothing more and know more of the words.
        tokens: n arrays of wordpiece ids, int32, without special tokens, cut at the encoder's limit.
    """

    vectors: NDArray[np.float32]
    middle: NDArray[np.float32]
    bottom: NDArray[np.float32]
    tokens: list[NDArray[np.int32]]

    def __len__(self) -> int:
        return len(self.tokens)

    def part(self, rows: NDArray[np.integer]) -> Encoded:
        """Some of the messages, by their places."""
        tokens = [self.tokens[row] for row in rows]
        return Encoded(self.vectors[rows], self.middle[rows], self.bottom[rows], tokens)


class Encoder:
    """An ONNX graph from `input_ids, attention_mask` to `OUTPUTS`, and its tokenizer.

    One intra-op thread: a second one costs more than it brings on texts this short. Use one process
    or one `Encoder` a core instead.
    """

    def __init__(self, session: ort.InferenceSession, tokenizer: Tokenizer) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self.dim = int(session.get_outputs()[0].shape[-1])

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Read `encoder.onnx` and `tokenizer.json` from a bundle or a cached export.

        Raises:
            BundleError: a file is missing or is not what its name says.
        """
        model, vocabulary = folder / MODEL_FILE, folder / TOKENIZER_FILE
        for file in (model, vocabulary):
            if not file.is_file():
                raise BundleError(f"{file} is missing: the folder holds no encoder", {"file": file.name})
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            session = ort.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOWER
            )
        except Exception as error:  # onnxruntime raises plain RuntimeErrors of many kinds
            raise BundleError(f"{model} is not an ONNX model that runs here: {error}") from error
        try:
            tokenizer = Tokenizer.from_file(str(vocabulary))
        except Exception as error:  # tokenizers raises plain Exception
            raise BundleError(f"{vocabulary} is not a tokenizer: {error}") from error
        tokenizer.no_padding()
        return cls(session, tokenizer)

    def vocabulary(self) -> list[str]:
        """Every entry of the tokenizer's vocabulary."""
        return list(self._tokenizer.get_vocab())

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode messages, in the order given.

        Args:
            texts: any number of messages, of any length; what passes the encoder's limit is cut.
        """
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        ids = [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]
        vectors = np.empty((len(ids), self.dim), dtype=np.float32)
        middle, bottom = np.empty_like(vectors), np.empty_like(vectors)
        order = np.argsort([row.size for row in ids], kind="stable")
        for start in range(0, len(order), INNER_BATCH):
            rows = order[start : start + INNER_BATCH]
            batch = np.zeros((len(rows), ids[rows[-1]].size), dtype=np.int64)
            mask = np.zeros_like(batch)
            for line, row in enumerate(rows):
                batch[line, : ids[row].size] = ids[row]
                mask[line, : ids[row].size] = 1
            feed = {"input_ids": batch, "attention_mask": mask}
            vectors[rows], middle[rows], bottom[rows] = self._session.run(OUTPUTS, feed)
        # The first and last wordpiece of a row are the encoder's own marks ([CLS], [SEP]).
        return Encoded(vectors, middle, bottom, [row[1:-1].astype(np.int32) for row in ids])
