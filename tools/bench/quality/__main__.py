"""Run the quality benchmark: `python -m tools.bench.quality`."""

from tools.bench.quality.command import main

if __name__ == "__main__":
    main()
