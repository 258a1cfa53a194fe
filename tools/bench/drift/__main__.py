"""Run the drift benchmark: `python -m tools.bench.drift`."""

from tools.bench.drift.command import app

if __name__ == "__main__":
    app()
