"""`GET /version` shows the target in force, and no message of the corpus."""

from dataclasses import replace
from pathlib import Path

from bento.lifecycle.served_model import describe
from chatbot.model.bundle import load_metadata
from chatbot.settings import RouterSettings


def test_version_shows_the_target_in_force_without_the_corpus_messages(bundle_folder: Path) -> None:
    model = load_metadata(bundle_folder)
    kept = {"target": 0.02, "sentence": "Asked: ...", "targets": [{"target": 0.01}], "advice": []}
    shown = replace(model, manifest=model.manifest.model_copy(update={"target": kept}))
    version = describe(shown, "1", RouterSettings())
    assert version.target == {"target": 0.02, "sentence": "Asked: ..."}
