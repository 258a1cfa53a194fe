"""Measure a start of the service as `make run` starts it: time, processor time, memory, and a killed HTTP worker.

python -m tools.bench.start --rounds 3

`processor` is what all processes have used when the first answer arrives, which does not depend on the machine's other
work as the seconds do. `memory` is the sum over all processes of smaps_rollup's Pss, after fifty messages.
`killed` is the time from the end of an HTTP worker, the only one, to the next answer.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time

import psutil
from pydantic_core import to_json

from tools.bench.figures import CACHE
from tools.bench.speed.machine import busy_cores, tree_memory
from tools.bench.speed.servers import answers, running
from tools.bench.speed.stress import recovery
from tools.processes import clean_environment, free_port

_OLD_SECONDS = 11
"""Age of the worker that is killed: one that dies younger is replaced after a pause."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = [_round() for _ in range(parser.parse_args().rounds)]
    for name in rounds[0]:
        values = [found[name] for found in rounds]
        sys.stdout.write(
            f"{name}: {statistics.median(values):.2f} ({', '.join(f'{value:.2f}' for value in values)})\n"
        )
    return 0


def _round() -> dict[str, float]:
    home, port = CACHE / "start", free_port()
    shutil.rmtree(home, ignore_errors=True)
    environment = clean_environment(
        CHATBOT_PORT=str(port),
        CHATBOT_LOG_FOLDER=str(home / "log"),
        CHATBOT_STORE_URL=str(home / "store"),
        BENTOML_HOME=str(home / "bentoml"),
    )
    found = {"busy cores before": busy_cores()}
    command = [sys.executable, "-m", "bento.keeper"]
    with running(command, environment, port, _message(0), CACHE / "start.log") as server:
        processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        found["start, s"] = server.start_seconds
        found["processor, s"] = sum(sum(process.cpu_times()[:4]) for process in processes)
        for number in range(50):
            answers(port, _message(number))
        found["memory, MB"] = sum(memory.pss for memory in tree_memory(server.pid)) / 1e6
        time.sleep(_OLD_SECONDS)
        found["killed, s"] = recovery(server)
    return found


def _message(number: int) -> bytes:
    return to_json({"message": f"how do I change address number {number}?"})


if __name__ == "__main__":
    sys.exit(main())
