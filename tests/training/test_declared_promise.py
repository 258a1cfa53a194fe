"""A declared target or out-of-scope share makes a new version where the champion has another one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chatbot.model import bundle as bundles
from data.declarations import Declared
from training.retraining.revision import Champion, Revision

UNCHANGED: Any = SimpleNamespace(changed=False, differs=False)


def differs(declared: Declared, bundle: Path) -> bool:
    champion = cast("Champion", SimpleNamespace(bundle=bundle))
    return Revision(UNCHANGED, UNCHANGED, declared, declared, Path("rules.yaml")).differs_from(champion)


@pytest.mark.parametrize("name", ["target", "out_of_scope_share"])
def test_only_another_promise_than_the_champions_is_new(name: str, bundle_folder: Path) -> None:
    had = bundles.read_manifest(bundle_folder).target["share" if name == "out_of_scope_share" else name]
    assert not differs(Declared(), bundle_folder)
    assert not differs(Declared.model_validate({name: had}), bundle_folder)
    assert differs(Declared.model_validate({name: had + 0.01}), bundle_folder)
