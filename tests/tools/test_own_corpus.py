"""`make run CORPUS=...`: a corpus gets a folder of its own, and the shipped one stays what it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from bento.lifecycle.bundle_source import bundle_folder
from chatbot.errors import SettingError
from chatbot.settings import LogSettings, ServiceSettings, StorageSettings
from data.decisions import beside
from tools import own_corpus, run
from tools.own_corpus import example_message, prepare

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Restore the environment, which `prepare` sets."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("CHATBOT_", "MLFLOW_"))]:
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


class Trainings:
    """Stands for the training command: notes its arguments, and writes a bundle's last file."""

    def __init__(self, code: int = 0) -> None:
        self.calls: list[list[str]] = []
        self.code = code

    def __call__(self, arguments: Sequence[str], _environment: Mapping[str, str]) -> int:
        self.calls.append(list(arguments))
        out = Path(arguments[arguments.index("--out") + 1])
        if self.code == 0:
            out.mkdir(parents=True, exist_ok=True)
            (out / "SHA256SUMS").touch()
        return self.code


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "my_messages.csv"
    file.write_text("text,intent\nwhere is it,track\n")
    return file


def test_a_corpus_is_trained_into_a_folder_of_its_own_and_served_from_there(
    corpus: Path, tmp_path: Path
) -> None:
    trainings = Trainings()
    own = prepare(str(corpus), train=trainings, root=tmp_path / "own")
    assert own.folder == tmp_path / "own" / "my_messages"
    assert trainings.calls == [["--out", str(own.bundle), "--corpus", str(corpus)]]
    assert bundle_folder(ServiceSettings()) == own.bundle
    assert LogSettings().folder == own.folder / "log"
    assert StorageSettings().url == str(own.folder / "store")


def test_the_folders_of_own_corpora_are_not_those_of_the_shipped_one() -> None:
    shipped = [ROOT / "models" / "current", ROOT / LogSettings().folder, ROOT / StorageSettings().url]
    assert not [path for path in shipped if own_corpus.FOLDER.is_relative_to(path)]


def test_an_unchanged_corpus_is_not_trained_twice_and_a_changed_one_is(corpus: Path, tmp_path: Path) -> None:
    trainings, replies = Trainings(), tmp_path / "replies.yaml"
    replies.write_text("track: Here.\n")
    for _ in range(2):
        prepare(str(corpus), train=trainings, root=tmp_path / "own")
        clear()
    assert len(trainings.calls) == 1
    corpus.write_text("text,intent\nwhere is it,track\nwhere\n")
    prepare(str(corpus), train=trainings, root=tmp_path / "own")
    assert len(trainings.calls) == 2
    clear()
    prepare(str(corpus), str(replies), train=trainings, root=tmp_path / "own")
    assert trainings.calls[2][-2:] == ["--replies", str(replies)]
    clear()
    prepare(str(corpus), str(replies), ("--target", "0.05"), trainings, tmp_path / "own")
    assert trainings.calls[3][-2:] == ["--target", "0.05"]


def test_every_list_by_which_a_corpus_is_read_belongs_to_the_code_of_its_bundle() -> None:
    lists = {
        path for path in (ROOT / "data").rglob("*.yaml") if not path.is_relative_to(ROOT / "data" / "corpus")
    }
    assert ROOT / "data" / "formats" / "unread.yaml" in lists
    assert lists <= {path for pattern in own_corpus.CODE for path in ROOT.glob(pattern)}


@pytest.mark.parametrize("name", ["decisions.csv", "declared.yaml"])
def test_decisions_and_declared_changes_beside_a_corpus_are_trained_whenever_they_change(
    name: str, corpus: Path, tmp_path: Path
) -> None:
    trainings, file = Trainings(), beside(corpus, name)

    def trained() -> int:
        prepare(str(corpus), train=trainings, root=tmp_path / "own")
        clear()
        return len(trainings.calls)

    assert trained() == 1
    file.write_text("first")
    assert [trained(), trained()] == [2, 2]
    file.write_text("second")
    assert trained() == 3
    file.unlink()
    assert trained() == 4


@pytest.mark.parametrize("joined", [True, False])
def test_a_changed_file_that_an_option_names_is_trained(joined: bool, corpus: Path, tmp_path: Path) -> None:
    trainings, rules, scores = Trainings(), tmp_path / "rules.yaml", tmp_path / "scores.json"
    options = [f"--rules={rules}"] if joined else ["--rules", str(rules)]
    for content, expected in (("[]", 1), ("[]", 1), ("[ ]", 2)):
        rules.write_text(content)
        scores.write_text(content + str(len(trainings.calls)))  # the training writes it
        prepare(str(corpus), "", [*options, "--scores", str(scores)], trainings, tmp_path / "own")
        clear()
        assert len(trainings.calls) == expected


def test_after_a_failed_training_nothing_is_served_and_the_next_run_trains_again(
    corpus: Path, tmp_path: Path
) -> None:
    prepare(str(corpus), train=Trainings(), root=tmp_path / "own")
    clear()
    before = corpus.read_text()
    corpus.write_text("text\nwhere is it\n")
    with pytest.raises(SettingError, match="was not trained"):
        prepare(str(corpus), train=Trainings(code=1), root=tmp_path / "own")
    assert "CHATBOT_BUNDLE" not in os.environ
    corpus.write_text(before)
    again = Trainings()
    prepare(str(corpus), train=again, root=tmp_path / "own")
    assert len(again.calls) == 1


def test_two_corpora_of_one_name_keep_their_own_folders(corpus: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / corpus.name
    other.parent.mkdir()
    shutil.copyfile(corpus, other)
    folders = set()
    for file in (corpus, other):
        folders.add(prepare(str(file), train=Trainings(), root=tmp_path / "own").folder)
        clear()
    assert len(folders) == 2


@pytest.mark.parametrize("which", ["CORPUS", "REPLIES"])
def test_a_missing_file_is_named_before_anything_is_trained(which: str, corpus: Path, tmp_path: Path) -> None:
    trainings = Trainings()
    paths = {"CORPUS": str(corpus), "REPLIES": "", which: "nowhere.csv"}
    with pytest.raises(SettingError, match=f"{which}=nowhere.csv: no such file"):
        prepare(paths["CORPUS"], paths["REPLIES"], train=trainings, root=tmp_path / "own")
    assert trainings.calls == []


def test_a_bundle_in_the_environment_contradicts_a_corpus(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_BUNDLE", "models/elsewhere")
    with pytest.raises(SettingError, match="CHATBOT_BUNDLE both say what to serve"):
        prepare(str(corpus), train=Trainings(), root=tmp_path / "own")


@pytest.mark.process
def test_its_variables_make_other_commands_work_on_the_same_folders_and_may_be_set_when_it_is_served_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = prepare(str(corpus), train=Trainings(), root=tmp_path / "it's own")
    script = f'. "{own.folder}/{own_corpus.VARIABLES}"; env'
    shell = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True)
    set_ = dict(line.split("=", 1) for line in shell.stdout.splitlines())
    assert own.environment.items() <= set_.items()
    monkeypatch.setenv("CHATBOT_BUNDLE", set_["CHATBOT_BUNDLE"])
    assert prepare(str(corpus), train=Trainings(), root=tmp_path / "it's own") == own


def test_the_example_of_the_address_list_is_a_message_of_the_bundle(bundle_folder: Path) -> None:
    assert example_message(bundle_folder)


def test_replies_without_a_corpus_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "check_port_free", lambda *_: None)
    assert run.main(["--replies", "mine.yaml"]) == 1
    assert "add CORPUS=" in capsys.readouterr().out


def test_one_port_for_the_api_and_the_page_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "check_port_free", lambda *_: None)
    monkeypatch.setenv("CHATBOT_UI_PORT", "3000")
    assert run.main(["--then", "true"]) == 1
    assert "CHATBOT_PORT and CHATBOT_UI_PORT are both 3000" in capsys.readouterr().out


def test_options_with_a_quote_that_is_not_closed_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "check_port_free", lambda *_: None)
    assert run.main(["--corpus", "mine.csv", "--train", "--message-column 'What was it"]) == 1
    assert "TRAIN=--message-column 'What was it: No closing quotation" in capsys.readouterr().out


@pytest.mark.process
@pytest.mark.parametrize(
    ("variables", "expected", "unexpected"),
    [
        (["CORPUS=my file.csv", "REPLIES=r.yaml"], '--corpus "my file.csv" --replies "r.yaml"', "dvc repro"),
        (
            ["CORPUS=a.csv", "TRAIN=--message-column 'The text'"],
            "\"--train=--message-column 'The text'\"",
            "dvc repro",
        ),
        ([], "dvc repro", "--corpus"),
    ],
)
def test_make_run_takes_the_corpus_and_trains_the_shipped_one_only_without(
    variables: list[str], expected: str, unexpected: str
) -> None:
    """What make would do, without doing it."""
    done = subprocess.run(
        ["make", "--dry-run", "run", *variables], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert expected in done.stdout
    assert unexpected not in done.stdout


def clear() -> None:
    """Unset what the previous `prepare` set."""
    for name in [name for name in os.environ if name.startswith(("CHATBOT_", "MLFLOW_"))]:
        del os.environ[name]
