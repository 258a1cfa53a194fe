"""Prediction ids sort by time, are unique, and cannot be forged."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import stat
import string
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot import ids
from chatbot.errors import SettingError
from chatbot.ids import is_ours, load_or_make_key, new_id, opaque, time_of
from chatbot.settings import LogSettings, ServiceSettings

KEY = b"k" * 32
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
fork = multiprocessing.get_context("fork")


def test_an_id_is_34_characters_that_fit_into_a_url() -> None:
    made = new_id(KEY)
    assert len(made) == 34
    assert set(made) <= set(string.ascii_lowercase + string.digits)


def test_ids_of_a_process_sort_in_the_order_they_were_made() -> None:
    made = [new_id(KEY) for _ in range(50_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_never_make_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight threads within one millisecond, with a switch of threads after every line of code."""
    now = time.time() + 1
    monkeypatch.setattr(ids.time, "time", lambda: now)

    def switch(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename == ids.__file__:
            time.sleep(0)
            return switch
        return None

    threading.settrace(switch)
    try:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: [new_id(KEY) for _ in range(50)], range(8)))
    finally:
        threading.settrace(cast(Any, None))
    assert all(of_a_thread == sorted(of_a_thread) for of_a_thread in made)
    assert len(set(itertools.chain(*made))) == 8 * 50


def test_ids_go_on_in_order_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id(KEY)
    real = time.time()
    clock = itertools.chain([real + 4, real + 4, real], itertools.repeat(real))
    monkeypatch.setattr(ids.time, "time", lambda: next(clock))
    made = [before] + [new_id(KEY) for _ in range(100)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_follow_a_clock_that_was_years_ahead_and_none_is_made_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    year = 365 * 86_400.0
    now = [time.time()]
    monkeypatch.setattr(ids.time, "time", lambda: now[0])
    made = []
    for jump in (0.0, 3 * year, -3 * year, -3600.0, 3600.0, 3600.0, -3600.0):
        now[0] += jump
        made += [new_id(KEY) for _ in range(100)]
        assert abs(time_of(made[-1]).timestamp() - now[0]) < 6
    assert len({one[:-13] for one in made}) == len(made)


def test_more_ids_than_a_millisecond_counts_are_still_unique_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frozen = time.time() + 60
    monkeypatch.setattr(ids.time, "time", lambda: frozen)
    made = [new_id(KEY) for _ in range(70_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


@settings(deadline=None)
@given(st.floats(0, 4e9), st.floats(0, 4e9))
def test_ids_of_any_two_times_sort_by_time_to_the_millisecond(one: float, other: float) -> None:
    first, second = new_id(KEY, one), new_id(KEY, other)
    if round(one * 1000) < round(other * 1000):
        assert first < second
    assert abs(time_of(first) - datetime.fromtimestamp(one, UTC)) <= timedelta(
        milliseconds=0.5, microseconds=1
    )


def test_an_id_of_another_time_does_not_change_the_order_of_the_others() -> None:
    new_id(KEY, time.time() + 1e6)
    assert time_of(new_id(KEY)) < datetime.now(UTC) + timedelta(minutes=10)


def _make(count: int, barrier: Any, made: Any) -> None:
    barrier.wait()
    made.put([new_id(KEY) for _ in range(count)])


@pytest.mark.process
def test_processes_that_were_forked_from_one_make_different_ids() -> None:
    new_id(KEY)
    barrier, made = fork.Barrier(4), fork.Queue()
    children = [fork.Process(target=_make, args=(2_000, barrier, made)) for _ in range(4)]
    for child in children:
        child.start()
    everyone = [made_id for _ in children for made_id in made.get(timeout=20)]
    for child in children:
        child.join(10)
    assert len(set(everyone)) == 8_000


def test_an_id_is_known_on_every_replica_with_the_key_and_on_no_other() -> None:
    made = new_id(KEY)
    assert is_ours(KEY, made)
    assert not is_ours(b"another" * 4, made)


def test_an_id_with_any_one_character_changed_is_made_up() -> None:
    made = new_id(KEY)
    for place in range(len(made)):
        for character in ALPHABET:
            if character != made[place]:
                assert not is_ours(KEY, made[:place] + character + made[place + 1 :])


@settings(deadline=None)
@given(
    st.one_of(st.text(), st.text(ALPHABET, min_size=34, max_size=34), st.none(), st.binary(), st.integers())
)
def test_whatever_a_client_sends_as_an_id_is_an_answer_and_no_error(sent: Any) -> None:
    assert is_ours(KEY, sent) is False


def test_an_id_is_ours_only_as_it_was_given_out() -> None:
    made = new_id(KEY)
    for other in (made.upper(), made + "\n", " " + made, made[:-1], made + "0"):
        assert not is_ours(KEY, other)


@pytest.mark.parametrize("text", ["", "x", "u" * 34, "z" * 34, "é" * 34])
def test_the_time_of_an_invalid_id_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a prediction id"):
        time_of(text)


def test_a_session_is_named_without_being_shown() -> None:
    name = opaque(KEY, "anna@example.com")
    assert name == opaque(KEY, "anna@example.com")
    assert len({name, opaque(KEY, "bob@example.com"), opaque(b"another" * 4, "anna@example.com")}) == 3
    assert len(name) == 16
    assert opaque(KEY, "\ud800")


@pytest.fixture
def log(tmp_path: Path) -> LogSettings:
    return LogSettings(folder=tmp_path / "log")


def test_the_key_in_the_settings_is_the_key(log: LogSettings) -> None:
    assert load_or_make_key(ServiceSettings(prediction_key="x" * 40), log) == b"x" * 40
    assert not log.folder.exists()


def test_a_key_that_can_be_guessed_stops_the_start(log: LogSettings) -> None:
    with pytest.raises(SettingError, match="CHATBOT_PREDICTION_KEY has 6 characters, 16 are the least"):
        load_or_make_key(ServiceSettings(prediction_key="secret"), log)


def _load(settings: LogSettings, barrier: Any, keys: Any) -> None:
    barrier.wait()
    keys.put(load_or_make_key(ServiceSettings(), settings))


@pytest.mark.process
def test_processes_that_start_at_once_have_one_key_that_only_the_owner_reads(log: LogSettings) -> None:
    for attempt in range(5):
        settings = LogSettings(folder=log.folder / str(attempt))
        barrier, keys = fork.Barrier(8), fork.Queue()
        children = [fork.Process(target=_load, args=(settings, barrier, keys)) for _ in range(8)]
        for child in children:
            child.start()
        assert len({keys.get(timeout=20) for _ in children}) == 1
        for child in children:
            child.join(10)
        [file] = settings.folder.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_key_is_the_same_after_a_restart(log: LogSettings) -> None:
    key = load_or_make_key(ServiceSettings(), log)
    assert len(key) == 32
    assert load_or_make_key(ServiceSettings(), log) == key


def test_a_damaged_key_file_stops_the_start_and_is_named(log: LogSettings) -> None:
    load_or_make_key(ServiceSettings(), log)
    file = log.folder / ids.KEY_FILE
    for content in (b"", b"too short", b"z" * 64, b"\xff" * 64):
        file.write_bytes(content)
        with pytest.raises(SettingError, match=r"prediction\.key holds no key.*Delete it"):
            load_or_make_key(ServiceSettings(), log)


def test_a_folder_that_takes_no_key_stops_the_start_and_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingError, match="Set CHATBOT_PREDICTION_KEY"):
        load_or_make_key(ServiceSettings(), LogSettings(folder=tmp_path / "file" / "log"))


@pytest.mark.process
def test_a_process_killed_while_it_makes_the_key_leaves_no_half_of_one(log: LogSettings) -> None:
    child = os.fork()
    if child == 0:
        os.link = lambda *_: os.kill(os.getpid(), 9)  # type: ignore[assignment]
        load_or_make_key(ServiceSettings(), log)
    os.waitpid(child, 0)
    assert not (log.folder / ids.KEY_FILE).exists()
    assert len(load_or_make_key(ServiceSettings(), log)) == 32
