"""Fuzzed bundles: truncated, swapped, oversized, wrong digests, hostile content; each refused without running code."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from chatbot.errors import ChatbotError
from chatbot.model.bundle import FILES, SUMS, load
from tests.attack.report import require
from tests.attack.target import Target, patience

MAX_SECONDS = 60.0
Damage = Callable[[Path], None]


def check(target: Target) -> str:
    """Damage a copy of the bundle in one way each, and load it."""
    canary = target.folder / "canary"
    kinds = dict(list(_damages(canary))[:: target.scale.every])
    draw = random.Random(14)
    for number in range(target.scale.bundles):
        kinds[f"random damage {number}"] = _random_damage(draw.randrange(1 << 30))
    accepted = []
    for name, damage in kinds.items():
        copy = target.folder / "bundle"
        shutil.rmtree(copy, ignore_errors=True)
        _linked(target.bundle, copy)
        damage(copy)
        began = time.monotonic()
        try:
            load(copy)
            accepted.append(name)
        except ChatbotError:
            pass
        except Exception as error:
            accepted.append(f"{name} ({type(error).__name__} instead of a BundleError: {str(error)[:80]})")
        require(not canary.exists(), f"a bundle with {name} ran code")
        took = time.monotonic() - began
        require(took < MAX_SECONDS * patience(), f"a bundle with {name} took {took:.0f} s")
    shutil.rmtree(copy)
    require(not accepted, f"not refused: {accepted}")
    return f"{len(kinds)} damaged bundles were refused with the reason, none ran code"


def _linked(bundle: Path, to: Path) -> None:
    """Copy a bundle by links: a damage replaces files, it writes into none."""
    to.mkdir(parents=True)
    for file in bundle.iterdir():
        try:
            os.link(file, to / file.name)
        except OSError:  # another file system
            shutil.copy(file, to / file.name)


def _damages(canary: Path) -> Iterator[tuple[str, Damage]]:
    for name in FILES:
        yield (
            f"{name} truncated",
            lambda folder, name=name: _write(folder / name, (folder / name).read_bytes()[:-7]),
        )
        yield f"{name} missing", lambda folder, name=name: (folder / name).unlink()
        yield f"{name} oversized", lambda folder, name=name: _sparse(folder / name)
    for one, other in (
        ("rules.yaml", "replies.yaml"),
        ("model.json", "tokenizer.json"),
        ("encoder.onnx", "head.safetensors"),
    ):
        yield (
            f"{one} and {other} swapped",
            lambda folder, one=one, other=other: _swap(folder, one, other, False),
        )
        yield (
            f"{one} and {other} swapped, sums right",
            lambda folder, one=one, other=other: _swap(folder, one, other, True),
        )
    yield (
        "wrong digests",
        lambda folder: _write(folder / SUMS, (folder / SUMS).read_bytes().translate(_ROTATED)),
    )
    yield "no digests", lambda folder: _write(folder / SUMS, b"")
    yield "digests that are not text", lambda folder: _write(folder / SUMS, b"\xff\xfe\x00")
    yield "a file outside of the folder", lambda folder: _add_sum(folder, "../../etc/passwd")
    command = f"touch {canary}"
    yaml = f"!!python/object/apply:os.system ['{command}']".encode()
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (code, code, b",".join([b"*%c" % (code - 1)] * 9))
        for code in range(ord("b"), ord("k"))
    )
    pickled = pickle.dumps(_Runs(command))
    header = struct.pack("<Q", 1 << 60) + b"{}"
    for name in ("rules.yaml", "replies.yaml"):
        yield f"{name} that constructs objects", lambda folder, name=name: _consistent(folder, name, yaml)
        yield f"{name} with aliases of aliases", lambda folder, name=name: _consistent(folder, name, bomb)
    for name in ("model.json", "tokenizer.json"):
        yield f"{name} nested deeply", lambda folder, name=name: _consistent(folder, name, b"[" * 200_000)
        yield f"{name} of another type", lambda folder, name=name: _consistent(folder, name, b"[1, 2, 3]")
    for name in ("encoder.onnx", "head.safetensors", "tokenizer.json", "model.json"):
        yield f"{name} that is a pickle", lambda folder, name=name: _consistent(folder, name, pickled)
        yield f"{name} that is empty", lambda folder, name=name: _consistent(folder, name, b"")
    yield (
        "head.safetensors with a giant header",
        lambda folder: _consistent(folder, "head.safetensors", header),
    )
    yield "a manifest of a future format", lambda folder: _manifest(folder, format=999)
    yield "a manifest without labels", lambda folder: _manifest(folder, labels=[])
    yield (
        "a rule with an invalid pattern",
        lambda folder: _consistent(
            folder, "rules.yaml", b"[{name: a, action: human, intent: a, patterns: ['(']}]"
        ),
    )


class _Runs:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


_ROTATED = bytes.maketrans(b"0123456789abcdef", b"123456789abcdef0")


def _random_damage(seed: int) -> Damage:
    """Flip bytes of one file, with the sums left as they are or corrected."""

    def damage(folder: Path) -> None:
        draw = random.Random(seed)
        name = draw.choice([name for name in FILES if name != "encoder.onnx"])
        content = bytearray((folder / name).read_bytes())
        for _ in range(draw.randrange(1, 50)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        _write(folder / name, bytes(content))

    return damage


def _write(file: Path, content: bytes) -> None:
    file.unlink()
    file.write_bytes(content)


def _sparse(file: Path) -> None:
    content = file.read_bytes()
    _write(file, content)
    with file.open("r+b") as stream:
        stream.truncate(len(content) + (64 << 20))


def _consistent(folder: Path, name: str, content: bytes) -> None:
    """Replace a file, and correct its sum: only its content can be the reason for the refusal."""
    _write(folder / name, content)
    lines = [line.split("  ", 1) for line in (folder / SUMS).read_text().splitlines()]
    sums = {file: hashlib.sha256(content).hexdigest() if file == name else digest for digest, file in lines}
    _write(folder / SUMS, "".join(f"{digest}  {file}\n" for file, digest in sums.items()).encode())


def _swap(folder: Path, one: str, other: str, is_consistent: bool) -> None:
    first, second = (folder / one).read_bytes(), (folder / other).read_bytes()
    for name, content in ((one, second), (other, first)):
        if is_consistent:
            _consistent(folder, name, content)
        else:
            _write(folder / name, content)


def _add_sum(folder: Path, name: str) -> None:
    _write(folder / SUMS, (folder / SUMS).read_bytes() + f"{'0' * 64}  {name}\n".encode())


def _manifest(folder: Path, **changes: object) -> None:
    content = json.loads((folder / "model.json").read_text()) | changes
    _consistent(folder, "model.json", json.dumps(content).encode())
