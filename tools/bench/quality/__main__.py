"""Run the quality benchmark: `python -m tools.bench.quality`."""

from tools.bench.quality.command import app

if __name__ == "__main__":
    app()
