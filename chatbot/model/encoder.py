"""Encode sentences: text to unit vector, with a SentenceTransformers model exported to ONNX int8, on one CPU core.

Quantization is static (the ranges are in the graph), so a message's vector does not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chatbot.errors import BundleError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

MODEL_FILE = "encoder.onnx"
TOKENIZER_FILE = "tokenizer.json"
OUTPUTS = ("sentence_embedding", "middle_embedding", "bottom_embedding")

# A run of the graph has a fixed cost, about that of 6 tokens. A new run starts where padding would cost more tokens
# than this; 10 measured best in batches of 16 and more.
MOST_PADDING = 10
# Padded tokens of a run: beyond this, a token costs more (activations leave the cache) and memory grows.
TOKEN_BUDGET = 512
# On a CPU, the fused node is several times slower than the two it replaces: a third of the total run time.
SLOWER = ["SkipLayerNormFusion"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Encoder output for n messages.

    Attributes:
        vectors: shape (n, dim), float32: sentence embeddings, each row of unit length.
        middle: the same from the layer at two thirds of the depth, mean-pooled.
        bottom: the same from the input of the first layer, mean-pooled. Like `middle`, it costs no extra time and
            carries more lexical information.
        tokens: n arrays of wordpiece ids, int32, without special tokens, truncated at the encoder's limit.
    """

    vectors: NDArray[np.float32]
    middle: NDArray[np.float32]
    bottom: NDArray[np.float32]
    tokens: list[NDArray[np.int32]]

    def __len__(self) -> int:
        return len(self.tokens)

    def part(self, rows: NDArray[np.integer]) -> Encoded:
        """Select messages by row index."""
        tokens = [self.tokens[row] for row in rows]
        return Encoded(self.vectors[rows], self.middle[rows], self.bottom[rows], tokens)


class Encoder:
    """Runs the ONNX graph (`input_ids`, `attention_mask` to `OUTPUTS`) and its tokenizer.

    Uses one intra-op thread: on texts this short a second one costs more than it saves. To use more cores, run one
    process or one `Encoder` per core.
    """

    def __init__(self, session: InferenceSession, tokenizer: Tokenizer) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self.dim = int(session.get_outputs()[0].shape[-1])

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Load `encoder.onnx` and `tokenizer.json` from a bundle or a cached export.

        Raises:
            BundleError: a file is missing or invalid.
        """
        # Only the runner encodes; the other processes read bundles without these two.
        import onnxruntime as ort
        from tokenizers import Tokenizer

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
        """Return the tokenizer's vocabulary."""
        return list(self._tokenizer.get_vocab())

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode messages; the result is in the order of the messages.

        Args:
            texts: any number of messages, of any length; truncated at the encoder's limit.
        """
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        ids = [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]
        vectors = np.empty((len(ids), self.dim), dtype=np.float32)
        middle, bottom = np.empty_like(vectors), np.empty_like(vectors)
        lengths = [row.size for row in ids]
        order = np.argsort(lengths, kind="stable")
        for start, end in split_runs([lengths[row] for row in order]):
            rows = order[start:end]
            batch = np.zeros((len(rows), ids[rows[-1]].size), dtype=np.int64)
            mask = np.zeros_like(batch)
            for line, row in enumerate(rows):
                batch[line, : ids[row].size] = ids[row]
                mask[line, : ids[row].size] = 1
            feed = {"input_ids": batch, "attention_mask": mask}
            vectors[rows], middle[rows], bottom[rows] = self._session.run(OUTPUTS, feed)
        # Drop the special tokens ([CLS], [SEP]).
        return Encoded(vectors, middle, bottom, [row[1:-1].astype(np.int32) for row in ids])


def split_runs(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Split messages into runs of the graph by padding and a token budget; return start and end of each.

    Args:
        lengths: tokens of each message, ascending.
    """
    runs: list[tuple[int, int]] = []
    start = tokens = 0
    for place, length in enumerate(lengths):
        padded = (place - start + 1) * length
        if place > start and (padded > TOKEN_BUDGET or padded - tokens - length > MOST_PADDING):
            runs.append((start, place))
            start, tokens = place, 0
        tokens += length
    if lengths:
        runs.append((start, len(lengths)))
    return runs
