"""Start the API and the chat page on this machine, print their addresses, and stop both together.

python -m tools.run [--corpus PATH [--replies PATH] [--train OPTIONS]] [--then COMMAND ...]

--corpus: train this corpus in a separate folder first, and serve it instead of the shipped one
--then:   run a command against both, then stop
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from bento.lifecycle.bundle_source import bundle_folder
from chatbot.errors import ChatbotError, SettingError
from chatbot.hosts import local_url
from chatbot.process import Stopped, check_port_free, stop_on
from chatbot.settings import ChatPageSettings, ServiceSettings
from tools.own_corpus import example_message, prepare
from tools.processes import ROOT, Processes

console = Console()


def check_ports(service: ServiceSettings, page: ChatPageSettings) -> None:
    """Raises: SettingError: a port is in use, or both are the same."""
    if service.port == page.port:
        raise SettingError(f"CHATBOT_PORT and CHATBOT_UI_PORT are both {page.port}: choose two ports")
    check_port_free(service.host, service.port, "CHATBOT_HOST", "CHATBOT_PORT")
    check_port_free(page.address, page.port, "CHATBOT_UI_ADDRESS", "CHATBOT_UI_PORT")


def main(arguments: Sequence[str]) -> int:
    """Run the command. Returns: the `--then` command's exit code, 0 after Ctrl-C, 1 if something did not start."""
    options = _parser().parse_args(arguments)
    stop_on(signal.SIGTERM, signal.SIGINT)
    try:
        service, page = ServiceSettings(), ChatPageSettings()
        api_url, page_url = local_url(service.host, service.port), local_url(page.address, page.port)
        # Unless configured otherwise, the chat page uses the API started here, wherever that listens.
        os.environ["CHATBOT_UI_API_URL"] = os.environ.get("CHATBOT_UI_API_URL") or api_url
        check_ports(service, page)
        if options.corpus:
            prepare(options.corpus, options.replies, _options(options.train))
            check_ports(service, page)  # minutes later
        elif options.replies or options.train:
            given = f"REPLIES={options.replies}" if options.replies else f"TRAIN={options.train}"
            raise SettingError(f"{given} belongs to a corpus: add CORPUS=...")
        with Processes(None, base=os.environ) as processes:
            for name, module, url in (
                ("the API", "bento.keeper", f"{api_url}/readyz"),
                ("the chat page", "ui", f"{page_url}/_stcore/health"),
            ):
                processes.start(name, [sys.executable, "-m", module], url)
            for name in processes.running:
                with console.status(f"starting {name}"):
                    processes.wait(name)
            console.print(f"chat page  [link]{page_url}[/link]")
            console.print(f"API        [link]{api_url}/docs[/link]")
            console.print(Text(f"try it     {_curl(api_url)}"), soft_wrap=True, highlight=False)
            if options.then is not None:
                return subprocess.run(options.then, cwd=ROOT, check=False).returncode
            while all(process.poll() is None for process in processes.running.values()):
                time.sleep(0.5)
            console.print("[red]one of them exited; stopping the other[/red]")
            return 1
    except Stopped:
        console.print("stopped")
        return 0
    except (ChatbotError, OSError) as error:
        console.print(Text(str(error), style="red"))
        return 1


def _options(train: str) -> list[str]:
    try:
        return shlex.split(train)
    except ValueError as error:
        raise SettingError(f"TRAIN={train}: {error}: put a name with spaces between two quotes") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.run")
    parser.add_argument(
        "--corpus", default="", help="a file, folder or export of any format in docs/corpus.md"
    )
    parser.add_argument(
        "--replies", default="", help="its replies: YAML `intent: text`, CSV, a Rasa domain, a folder"
    )
    parser.add_argument(
        "--train", default="", help="further options of training.train, such as '--target 0.05'"
    )
    parser.add_argument("--then", nargs=argparse.REMAINDER, help="a command to run against both")
    return parser


def _curl(api_url: str) -> str:
    """Return a command that sends one of the bundle's messages."""
    message = example_message(bundle_folder(ServiceSettings())) or "I want a refund"
    body = json.dumps({"message": message}, ensure_ascii=False)
    return f"curl -s {api_url}/chat -H 'Content-Type: application/json' -d {shlex.quote(body)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
