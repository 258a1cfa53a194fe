"""Run the speed benchmark: `python -m tools.bench.speed`."""

from tools.bench.speed.command import main

if __name__ == "__main__":
    main()
