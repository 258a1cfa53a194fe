"""Save, verify and load a model bundle: the only artifact that training passes to serving; contains no pickle.

model.json  encoder.onnx  tokenizer.json  head.safetensors  rules.yaml  replies.yaml  reference.parquet  SHA256SUMS

The build is reproducible: the same corpus, parameters and code give the same digest. Build time and commit would
break that, so they are stored in made.json, which the digest does not cover and which may be missing. The registry
and the model reference hold its digest beside the bundle's (`verify_made`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from chatbot.dialog.message import WARM_UP, clean
from chatbot.dialog.replies import Replies
from chatbot.dialog.router import Alternative, Prediction, Router, Thresholds
from chatbot.dialog.rules import Rules
from chatbot.errors import BundleError
from chatbot.files import sync_to_disk
from chatbot.model.classifier import Classifier
from chatbot.model.encoder import MODEL_FILE, TOKENIZER_FILE, Encoded, Encoder
from chatbot.settings import RouterSettings, SlotSettings

FORMAT = 3
READABLE_FORMATS = (1, 2, 3)

MANIFEST = "model.json"
HEAD = "head.safetensors"
RULES = "rules.yaml"
REPLIES = "replies.yaml"
REFERENCE = "reference.parquet"
MADE = "made.json"
SUMS = "SHA256SUMS"
FILES = (MANIFEST, MODEL_FILE, TOKENIZER_FILE, HEAD, RULES, REPLIES, REFERENCE)
RETIRED_FILES = ("first_tier.safetensors",)
"""Files that earlier code wrote into some bundles; listed in SHA256SUMS where they are there, and never read."""
METADATA_FILES = (MANIFEST, RULES, REPLIES)
MAX_BYTES = {MODEL_FILE: 1 << 30, TOKENIZER_FILE: 1 << 27, HEAD: 1 << 28, REFERENCE: 1 << 28}
"""The most that a file of a bundle has, many times what those of a large corpus have; others: `MAX_TEXT_BYTES`."""
MAX_TEXT_BYTES = 1 << 24

# CPUs round differently: the largest accepted difference in the confidence of a known message.
KNOWN_TOLERANCE = 0.1
MAX_ALTERNATIVES = 5


class KnownMessage(BaseModel):
    """A message with its expected prediction, recorded at build time and verified at every load."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: str
    intent: str
    confidence: float


class EncoderInfo(BaseModel):
    """Identity of the encoder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    digest: str
    """sha256 over the files of the original encoder."""
    dim: int


class Manifest(BaseModel):
    """Content of model.json: the bundle's metadata."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    labels: tuple[str, ...]
    """Intents, in the order of the head's columns."""
    temperature: float
    thresholds: Thresholds
    target: dict[str, Any] = {}
    """Target that the thresholds were learned for, and whether the data were sufficient to verify it."""
    languages: tuple[str, ...] = ()
    """Languages that the model understands; empty: any, or a bundle from before languages were identified."""
    encoder: EncoderInfo
    corpus_digest: str
    """DVC digest of the corpus file."""
    git_commit: str = ""
    """Commit of the build, from made.json; empty: unknown."""
    created: datetime | None = None
    """Time of the build, from made.json; None: unknown."""
    scores: dict[str, float] = {}
    """Metrics on the corpus's rows: out-of-fold; `target["evaluated"]` says if nothing could be held out."""
    known: tuple[KnownMessage, ...] = ()


class Made(BaseModel):
    """Content of made.json: provenance of a bundle. Informational only."""

    model_config = ConfigDict(frozen=True)

    git_commit: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class BundleMetadata:
    """The part of a bundle without encoder and classifier: all that routing and describing the model need."""

    manifest: Manifest
    rules: Rules
    replies: Replies
    digest: str
    """sha256 of SHA256SUMS; identifies the bundle's content."""

    @property
    def version(self) -> str:
        """Return the first 12 digits of the digest."""
        return self.digest[:12]

    def router(self, settings: RouterSettings, slots: SlotSettings) -> Router:
        """Create the router; raise SettingError if a reply needs a slot that has no value."""
        return Router(
            self.rules,
            self.replies,
            self.manifest.thresholds.overridden(settings),
            slots.values(),
            languages=settings.spoken(self.manifest.languages),
        )


@dataclass(frozen=True, slots=True)
class Bundle(BundleMetadata):
    """A loaded bundle: checksums verified, known messages answered as expected."""

    encoder: Encoder
    classifier: Classifier
    summary: NDArray[np.float32]
    """Shape (dim + 1, k): mean and projection axes that reduce a vector to k numbers for the drift check."""

    def predict(self, messages: Sequence[str]) -> list[Prediction]:
        """Classify cleaned messages; in the order given."""
        return self.classify(self.encoder.encode(messages))

    def summarise(self, encoded: Encoded) -> NDArray[np.float32]:
        """Project embeddings to the features that the drift check compares, shape (n, k)."""
        numbers: NDArray[np.float32] = (encoded.vectors - self.summary[0]) @ self.summary[1:].T
        return numbers

    def classify(self, encoded: Encoded) -> list[Prediction]:
        """Classify encoded messages."""
        scores = self.classifier.score(encoded)
        summaries = self.summarise(encoded)
        top = np.argsort(-scores.probabilities, axis=1, kind="stable")[:, :MAX_ALTERNATIVES]
        labels = self.manifest.labels
        return [
            Prediction(
                [
                    Alternative(labels[column], float(scores.probabilities[row, column]))
                    for column in top[row]
                ],
                float(scores.scope[row]),
                [round(float(value), 4) for value in summaries[row]],
            )
            for row in range(len(encoded))
        ]


def save(
    folder: Path,
    manifest: Manifest,
    encoder_folder: Path,
    tensors: dict[str, NDArray[Any]],
    rules: Path,
    replies: Replies,
    reference: Path,
) -> str:
    """Write a bundle to a temporary folder and rename it; replaces an existing one.

    Args:
        folder: final path of the bundle.
        manifest: metadata; `git_commit` and `created` are written to made.json.
        encoder_folder: contains `encoder.onnx` and `tokenizer.json`.
        tensors: result of `Classifier.to_tensors`, and `summary`.
        rules: path of rules.yaml.
        replies: reply texts.
        reference: Parquet file with a sample of the training messages' features.

    Returns:
        The bundle's digest.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        content = manifest.model_dump_json(indent=2, exclude=set(Made.model_fields))
        (workplace / MANIFEST).write_text(content + "\n", encoding="utf-8")
        made = Made(git_commit=manifest.git_commit, created=manifest.created)
        (workplace / MADE).write_text(made.model_dump_json() + "\n", encoding="utf-8")
        for name in (MODEL_FILE, TOKENIZER_FILE):
            shutil.copyfile(encoder_folder / name, workplace / name)
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, str(workplace / HEAD))
        shutil.copyfile(rules, workplace / RULES)
        (workplace / REPLIES).write_text(replies.dump(), encoding="utf-8")
        shutil.copyfile(reference, workplace / REFERENCE)
        (workplace / SUMS).write_text("".join(f"{_sha256(workplace / name)}  {name}\n" for name in FILES))
        for name in (*FILES, SUMS):
            sync_to_disk(workplace / name)
        workplace.chmod(0o755)
        digest = _sha256(workplace / SUMS)
        if folder.exists():
            shutil.rmtree(folder)
        workplace.rename(folder)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return digest


def check_replaceable(folder: Path) -> None:
    """Check that `save` deletes nothing but a bundle.

    Raises:
        BundleError: the path is a file, or a folder with something else in it.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file()):
        raise BundleError(f"{folder} is not a bundle and would be deleted: name a new folder for the bundle")


def verify(folder: Path, files: Sequence[str] = FILES) -> str:
    """Verify files of a bundle against SHA256SUMS.

    Args:
        folder: the bundle.
        files: the files to verify; all others must be listed. `RETIRED_FILES` that are listed are verified in any
            case.

    Returns:
        The bundle's digest.

    Raises:
        BundleError: the folder is not a bundle, or a file is missing, changed or not listed (each is named).
    """
    listed = read_sums(folder)
    wrong: list[str] = []
    for name in sorted((set(files) | set(RETIRED_FILES)) & set(listed)):
        wrong += filter(None, [_problem(folder, name, listed[name])])
    if wrong:
        raise _damaged(folder, wrong)
    return _sha256(folder / SUMS)


def read_sums(folder: Path) -> dict[str, str]:
    """Read SHA256SUMS: the SHA-256 of each file by name.

    Raises:
        BundleError: the folder is not a bundle, a file is not listed, or one that is not a bundle's is.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise BundleError(
            f"{folder} is not a bundle: {SUMS} is missing. Make one with: python -m training.train"
        )
    try:
        lines = (line.split("  ", 1) for line in sums.read_text(encoding="utf-8").splitlines())
        listed = {name: expected for expected, name in lines}
    except (ValueError, UnicodeDecodeError) as error:
        raise BundleError(f"{sums} is damaged: {error}") from error
    wrong = [f"{name} is not listed in {SUMS}" for name in FILES if name not in listed]
    wrong += [
        f"{name} is listed but is not a file of a bundle"
        for name in sorted(set(listed) - set(FILES) - set(RETIRED_FILES))
    ]
    if wrong:
        raise _damaged(folder, wrong)
    return listed


def verify_sums(folder: Path, digest: str) -> None:
    """Verify that SHA256SUMS is that of the bundle with this digest.

    Raises:
        BundleError: it is another bundle's.
    """
    if (found := _sha256(folder / SUMS)) != digest:
        raise BundleError(f"{folder / SUMS} is that of the bundle {found}, expected {digest}")


def verify_file(folder: Path, name: str, expected: str) -> None:
    """Verify one file against its line of SHA256SUMS (`read_sums`).

    Raises:
        BundleError: it is missing or changed.
    """
    if problem := _problem(folder, name, expected):
        raise _damaged(folder, [problem])


def max_bytes(name: str) -> int:
    """Return the most bytes that a file of a bundle has."""
    return MAX_BYTES.get(name, MAX_TEXT_BYTES)


def _problem(folder: Path, name: str, expected: str) -> str:
    if not (folder / name).is_file():
        return f"{name} is missing"
    found = _sha256(folder / name)
    return "" if found == expected else f"{name} has sha256 {found[:12]}…, expected {expected[:12]}…"


def _damaged(folder: Path, wrong: list[str]) -> BundleError:
    return BundleError(f"{folder} is damaged: {'; '.join(wrong)}. Fetch or train it again", wrong)


def files_of(folder: Path) -> tuple[str, ...]:
    """Return the files of a bundle besides SHA256SUMS and made.json; a retired one if SHA256SUMS lists it."""
    lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    listed = {line.partition("  ")[2] for line in lines}
    return (*FILES, *(name for name in RETIRED_FILES if name in listed))


def made_digest(folder: Path) -> str:
    """Return the SHA-256 of a bundle's made.json; empty: it has none."""
    file = folder / MADE
    return _sha256(file) if file.is_file() else ""


def verify_made(folder: Path, expected: str | None) -> None:
    """Verify made.json against its registered digest; None: the digest is unknown.

    Raises:
        BundleError: the file was changed, removed or added.
    """
    if expected is not None and (found := made_digest(folder)) != expected:
        raise BundleError(
            f"{folder / MADE} has sha256 {found[:12] or '(missing)'}…, registered is {expected[:12] or '(none)'}…: "
            "when and from which commit the bundle was built is not as recorded. Put it back with "
            "`python -m training.versions restore`"
        )


def read_made(folder: Path) -> Made:
    """Read made.json of a folder that was verified, or was built on this machine; empty: missing or malformed."""
    try:
        return Made.model_validate_json((folder / MADE).read_bytes())
    except (OSError, ValidationError):
        return Made()


def read_manifest(folder: Path) -> Manifest:
    """Read a bundle's metadata without loading its weights.

    Raises:
        BundleError: model.json is missing, invalid, or in an unsupported format.
    """
    file = folder / MANIFEST
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content.get("format") not in READABLE_FORMATS:
            raise BundleError(
                f"{file} has format {content.get('format')!r}; this code reads {READABLE_FORMATS}"
            )
        noted = {name: value for name, value in read_made(folder).model_dump().items() if value}
        return Manifest.model_validate(content).model_copy(update=noted)
    except (OSError, ValueError, AttributeError, ValidationError, RecursionError) as error:
        raise BundleError(f"{file} is not a manifest of a bundle: {error}") from error


def load(folder: Path, *, is_verified: bool = False) -> Bundle:
    """Verify and load a bundle, then run the preflight check: classify its known messages.

    Args:
        folder: the bundle.
        is_verified: this process has verified the folder already (`verify`, `bundle_store.fetch`).

    Raises:
        BundleError: the folder is not a bundle, was changed, has inconsistent files, or predicts a known message
            differently than at build time.
    """
    metadata = load_metadata(folder, () if is_verified else FILES)
    encoder = Encoder.load(folder)
    try:
        tensors = load_file(str(folder / HEAD))
        summary = tensors.pop("summary")
        manifest = metadata.manifest
        classifier = Classifier.from_tensors(manifest.labels, manifest.temperature, tensors)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise BundleError(f"{folder / HEAD} does not fit the manifest: {error}") from error
    bundle = Bundle(manifest, metadata.rules, metadata.replies, metadata.digest, encoder, classifier, summary)
    _ask_known(bundle)
    return bundle


def load_metadata(folder: Path, verified: Sequence[str] = METADATA_FILES) -> BundleMetadata:
    """Verify and load a bundle without encoder and classifier.

    Args:
        folder: the bundle.
        verified: the files whose checksums are verified; by default those that are read here.

    Raises:
        BundleError: the folder is not a bundle, was changed, or has no reply for one of its intents.
    """
    digest = verify(folder, verified)
    manifest = read_manifest(folder)
    replies = Replies.load(folder / REPLIES)
    if unanswered := sorted(set(manifest.labels) - set(replies.texts)):
        raise BundleError(f"{folder / REPLIES} has no reply for {', '.join(unanswered)}", unanswered)
    return BundleMetadata(manifest, Rules.load(folder / RULES), replies, digest)


def _ask_known(bundle: Bundle) -> None:
    known = bundle.manifest.known
    # At least one message, so that a bundle without known messages is run too.
    predictions = bundle.predict([WARM_UP, *(clean(expected.message) for expected in known)])[1:]
    for expected, found in zip(known, predictions, strict=True):
        likeliest = found.alternatives[0]
        difference = abs(likeliest.confidence - expected.confidence)
        if likeliest.intent != expected.intent or difference > KNOWN_TOLERANCE:
            raise BundleError(
                f"the bundle answers {expected.message!r} with {likeliest.intent} ({likeliest.confidence:.2f}), "
                f"it was made with {expected.intent} ({expected.confidence:.2f}): this machine computes differently, "
                "or the files do not belong together"
            )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
