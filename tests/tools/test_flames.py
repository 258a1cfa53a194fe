"""Flame graphs: py-spy's stacks become nested frames, whose widths are shares of one thread's samples."""

from __future__ import annotations

import pytest

from tools.bench.speed.flames import draw, parse
from tools.bench.speed.servers import BenchError

START = "<module> (/app/bento/main.py:1);Runner.run (/usr/lib/asyncio/runners.py:86)"
RAW = [
    f"thread (0x1): MainThread;{START};serve (/app/bento/app.py:3);read (/app/bento/app.py:9) 6",
    f"thread (0x1): MainThread;{START};serve (/app/bento/app.py:3);write (/app/bento/log.py:2) 2",
    "thread (0x1): MainThread;torn (/app/bento/app.py:3) 3",
    f"thread (0x2): uploads;{START};sleep (/app/bento/log.py:5) 90",
]


def test_frames_nest_and_other_threads_do_not_count() -> None:
    boxes = [(frame.name.split()[0], frame.samples, left, depth) for frame, left, depth in parse(RAW).boxes()]
    assert boxes == [("event", 8, 0, 0), ("serve", 8, 0, 1), ("read", 6, 0, 2), ("write", 2, 6, 2)]


def test_a_thread_without_samples_is_an_error() -> None:
    with pytest.raises(BenchError, match="no sample of MainThread"):
        parse(RAW[2:])


def test_each_frame_is_drawn_as_wide_as_its_share() -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    draw(parse(RAW), axes)
    widths = [round(box.get_width(), 3) for box in axes.patches]
    names = [text.get_text() for text in axes.texts]
    plt.close(figure)
    assert widths == [1.0, 1.0, 0.75, 0.25]
    assert "read (app.py) 75%" in names
