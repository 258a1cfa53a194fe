"""The published Bitext file is fetched whole and checked, or nothing is written and it is said what to do."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data import fetch
from data.fetch import BITEXT_ROWS, DownloadFailed, fetch_bitext
from data.fetch import main as app
from tests.support.http_server import Request, Response, serving

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
ROWS = "".join(
    f'B,"message, {n}",CAT,intent_{n % 27},"An answer.\nOn two lines."\n' for n in range(BITEXT_ROWS)
)
GOOD = f"flags,instruction,category,intent,response\n{ROWS}".encode()
PAGES = {
    "/good.csv": GOOD,
    "/short.csv": GOOD[: GOOD.rindex(b"B,")],
    "/login.html": b"<html>please log in</html>",
    "/broken.csv": GOOD[: len(GOOD) // 2],
}


def publish(request: Request) -> Response:
    if (body := PAGES.get(request.path)) is None:
        return 404, {}, b""
    return 200, {"content-length": str(len(GOOD if "broken" in request.path else body))}, body


@pytest.fixture(scope="module")
def publisher() -> Iterator[str]:
    with serving(publish) as server:
        yield server.url


def run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["bitext", *(str(a) for a in arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def test_the_file_is_fetched_checked_and_its_licence_named(publisher: str, tmp_path: Path) -> None:
    file = tmp_path / "raw" / "bitext_customer_support.csv"
    output = run("--url", f"{publisher}/good.csv", "--to", file)
    assert file.read_bytes() == GOOD
    assert "CDLA-Sharing-1.0" in output
    assert "recorded in NOTICE and data/README.md" in output
    assert f"dvc commit {file}.dvc" in output
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_good_file_is_not_fetched_twice_and_a_bad_one_is_named(publisher: str, tmp_path: Path) -> None:
    file = tmp_path / "bitext.csv"
    file.write_bytes(GOOD)
    assert "nothing to fetch" in run("--url", f"{publisher}/gone.csv", "--to", file)
    assert "Not Found" in run("--url", f"{publisher}/gone.csv", "--to", file, "--force", code=1)
    file.write_text("instruction,category,intent\nhello,A,greet\n")
    assert "has 1 rows, the Bitext corpus has 26,872" in run("--to", file, code=1)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("gone.csv", "Not Found"),
        ("short.csv", "has 26,871 rows, the Bitext corpus has 26,872"),
        ("login.html", "the content is a web page, perhaps of a login"),
        ("broken.csv", "not a complete HTTP response"),
    ],
)
def test_what_is_not_the_whole_file_is_refused_and_what_lay_there_stays(
    publisher: str, tmp_path: Path, page: str, reason: str
) -> None:
    file = tmp_path / "bitext.csv"
    file.write_text("what lay there")
    with pytest.raises(DownloadFailed, match=reason):
        fetch_bitext(file, f"{publisher}/{page}")
    assert file.read_text() == "what lay there"
    assert list(tmp_path.iterdir()) == [file]


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "bitext.csv"
    output = run("--url", "http://127.0.0.1:9/bitext.csv", "--to", file, code=1)
    assert "cannot fetch http://127.0.0.1:9/bitext.csv: [Errno 111] Connection refused" in output
    assert f"fetch it on another machine and put it at {file}" in output
    assert "--url" in output
    assert not file.exists()


def test_a_server_that_says_nothing_is_given_up_on(tmp_path: Path) -> None:
    def silent(_request: Request) -> Response:
        threading.Event().wait(1)
        return 200, {}, b""

    with serving(silent) as server, pytest.raises(DownloadFailed, match=r"no complete response|timed out"):
        fetch_bitext(tmp_path / "a.csv", server.url, timeout=0.2)


def test_a_file_of_another_digest_is_refused(
    publisher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{publisher}/good.csv"
    monkeypatch.setattr(fetch, "BITEXT_URL", url)
    with pytest.raises(DownloadFailed, match=f"has the SHA-256 {hashlib.sha256(GOOD).hexdigest()}, not"):
        fetch_bitext(tmp_path / "bitext.csv", url)
    # A mirror's form of the file may have another digest.
    monkeypatch.setattr(fetch, "BITEXT_URL", "http://other")
    fetch_bitext(tmp_path / "bitext.csv", url)


def test_an_invalid_web_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="must begin with http:// or https://"):
        fetch_bitext(tmp_path / "a.csv", f"file://{ROOT}/pyproject.toml")


def test_the_form_without_flags_and_responses_is_accepted_too(shared_data: Path) -> None:
    file = shared_data / "bitext" / "bitext_customer_support.csv"
    assert "nothing to fetch" in run("--url", "http://127.0.0.1:9/bitext.csv", "--to", file)


def test_the_command_runs_as_a_file_from_the_root() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "data/fetch.py", "--help"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "CHATBOT_BITEXT_URL" in done.stdout
