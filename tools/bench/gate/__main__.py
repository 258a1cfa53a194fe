"""Run the gate benchmark: `python -m tools.bench.gate`."""

from tools.bench.gate.command import app

if __name__ == "__main__":
    app()
