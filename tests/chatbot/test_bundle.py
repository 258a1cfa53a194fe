"""A bundle is whole and its own, or it is refused with the reason."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from chatbot.errors import BundleError
from chatbot.model import bundle_store
from chatbot.model.bundle import (
    FILES,
    MADE,
    MANIFEST,
    METADATA_FILES,
    MODEL_FILE,
    RETIRED_FILES,
    RULES,
    SUMS,
    Bundle,
    files_of,
    load,
    load_metadata,
    max_bytes,
    read_manifest,
    verify,
)
from chatbot.store.folder import FolderStore
from chatbot.store.interface import MAX_OBJECT_BYTES


@pytest.fixture
def copy(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))


def sign_anew(folder: Path) -> None:
    """What somebody would do who changes a file and the sums with it."""
    lines = [f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES]
    (folder / SUMS).write_text("".join(lines))


def test_the_bundle_that_ships_answers_a_refund(bundle: Bundle) -> None:
    first = bundle.predict(["I want a refund"])[0].alternatives[0]
    assert first.intent == "get_refund"
    assert first.confidence > 0.8


def test_the_order_of_a_batch_is_the_order_of_the_answers(bundle: Bundle) -> None:
    messages = [
        "I want a refund",
        "close my account",
        "where is my parcel right now, it should have been here",
        "please cancel my order",
    ]
    together = [p.alternatives[0].intent for p in bundle.predict(messages)]
    alone = [bundle.predict([message])[0].alternatives[0].intent for message in messages]
    assert together == alone


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_in_any_file_is_refused_and_the_file_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=name):
        load(copy)


def test_without_its_encoder_a_bundle_is_the_same_by_its_digest_its_texts_and_its_rules(
    bundle: Bundle, bundle_folder: Path
) -> None:
    metadata = load_metadata(bundle_folder)
    assert (metadata.digest, metadata.version) == (bundle.digest, bundle.version)
    assert metadata.manifest == bundle.manifest
    assert metadata.replies.texts == bundle.replies.texts
    assert [rule.name for rule in metadata.rules] == [rule.name for rule in bundle.rules]


@pytest.mark.parametrize("name", METADATA_FILES)
def test_without_its_encoder_a_bundle_is_refused_if_a_file_that_is_read_was_changed(
    copy: Path, name: str
) -> None:
    with (copy / name).open("a") as file:
        file.write("\n")
    with pytest.raises(BundleError, match=name):
        load_metadata(copy)


def _truncate(folder: Path) -> None:
    file = folder / "encoder.onnx"
    file.write_bytes(file.read_bytes()[:1000])


def _drop(folder: Path) -> None:
    (folder / "head.safetensors").unlink()


def _unlist(folder: Path) -> None:
    lines = (folder / SUMS).read_text().splitlines(keepends=True)
    (folder / SUMS).write_text("".join(line for line in lines if "rules" not in line))


@pytest.mark.parametrize("harm", [_truncate, _drop, _unlist])
def test_a_truncated_missing_or_unlisted_file_is_refused(copy: Path, harm: Callable[[Path], None]) -> None:
    harm(copy)
    with pytest.raises(BundleError, match="damaged"):
        verify(copy)


def test_a_folder_that_is_not_a_bundle_is_reported_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"training\.train"):
        load(tmp_path)


def test_a_format_of_the_future_is_refused_by_number(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(BundleError, match="99"):
        read_manifest(copy)


def test_a_manifest_that_is_nested_deeply_is_refused_as_a_bundle(copy: Path) -> None:
    (copy / MANIFEST).write_text("[" * 200_000)
    with pytest.raises(BundleError, match="is not a manifest"):
        read_manifest(copy)


def test_a_bundle_that_answers_a_known_message_otherwise_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["known"][0]["intent"] = (
        "complaint" if manifest["known"][0]["intent"] != "complaint" else "review"
    )
    (copy / MANIFEST).write_text(json.dumps(manifest))
    sign_anew(copy)
    with pytest.raises(BundleError, match="computes differently"):
        load(copy)


def test_a_head_for_other_labels_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["labels"] = manifest["labels"][:-1]
    (copy / MANIFEST).write_text(json.dumps(manifest))
    sign_anew(copy)
    with pytest.raises(BundleError, match="does not fit"):
        load(copy)


def test_an_intent_without_a_reply_is_refused_and_named(copy: Path) -> None:
    replies = (copy / "replies.yaml").read_text(encoding="utf-8")
    (copy / "replies.yaml").write_text(replies.replace("get_refund:", "got_refund:"), encoding="utf-8")
    sign_anew(copy)
    with pytest.raises(BundleError, match="get_refund"):
        load(copy)


def test_nothing_in_a_bundle_is_a_pickle(bundle_folder: Path) -> None:
    assert sorted(file.name for file in bundle_folder.iterdir()) == sorted([*FILES, SUMS, MADE])
    for file in bundle_folder.iterdir():
        assert not file.read_bytes().startswith(b"\x80"), file.name


@pytest.fixture
def tiered(copy: Path) -> Path:
    """A bundle that lists a file of earlier code, whatever is in it."""
    (copy / RETIRED_FILES[0]).write_bytes(b"a tier")
    with (copy / SUMS).open("a") as file:
        file.write(f"{sha256(b'a tier').hexdigest()}  {RETIRED_FILES[0]}\n")
    return copy


def test_a_bundle_with_a_file_of_earlier_code_answers_as_without_it(tiered: Path, bundle: Bundle) -> None:
    messages = ["where is my parcel", "can I get a refund"]
    assert load(tiered).predict(messages) == bundle.predict(messages)
    assert verify(tiered) != bundle.digest


def test_a_file_of_earlier_code_that_was_changed_or_taken_away_is_refused(tiered: Path) -> None:
    file = tiered / RETIRED_FILES[0]
    harms: tuple[Callable[[], object], ...] = (lambda: file.write_bytes(b"another"), file.unlink)
    for harm in harms:
        harm()
        with pytest.raises(BundleError, match=file.name):
            load_metadata(tiered)


def test_a_file_of_earlier_code_goes_through_the_store_with_its_bundle(tiered: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    fetched = bundle_store.fetch(store, bundle_store.push(store, tiered), tmp_path / "cache")
    assert (fetched / RETIRED_FILES[0]).read_bytes() == b"a tier"
    assert files_of(fetched) == (*FILES, *RETIRED_FILES)


def test_a_download_that_another_process_removes_does_not_fail_this_one(tiered: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / ".fetch-gone").symlink_to(tmp_path / "gone")  # listed, and then not found
    assert bundle_store.fetch(store, bundle_store.push(store, tiered), tmp_path / "cache").is_dir()


class Counting(FolderStore):
    """A store that notes which files are downloaded."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.got: list[str] = []

    def get_file(self, key: str, path: Path, max_bytes: int = MAX_OBJECT_BYTES) -> None:
        super().get_file(key, path, max_bytes)
        self.got.append(key.rpartition("/")[2])


def _another(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def _giant(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.truncate(max_bytes(file.name) + 1)  # sparse: takes no space


@pytest.mark.parametrize(
    ("name", "harm", "problem", "expected"),
    [
        (SUMS, _another, "holds another bundle", {SUMS}),
        (SUMS, _giant, "with 16777217 bytes; at most 16,777,216", set()),
        (RULES, _another, "rules.yaml has sha256", {SUMS, MANIFEST, RULES}),
        (RULES, _giant, "at most 16,777,216", {SUMS, MANIFEST}),
        (MODEL_FILE, _giant, "at most 1,073,741,824", {SUMS, *FILES} - {MODEL_FILE}),
    ],
)
def test_a_store_that_lies_about_a_bundle_is_asked_for_no_file_after_the_first_lie(
    bundle_folder: Path,
    tmp_path: Path,
    name: str,
    harm: Callable[[Path], None],
    problem: str,
    expected: set[str],
) -> None:
    store = Counting(tmp_path / "store")
    digest = bundle_store.push(store, bundle_folder)
    harm(tmp_path / "store" / bundle_store.key(digest, name))
    with pytest.raises(BundleError, match=problem):
        bundle_store.fetch(store, digest, tmp_path / "cache")
    assert set(store.got) == expected
    assert not list((tmp_path / "cache").iterdir())
