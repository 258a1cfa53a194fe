"""PII redaction in scripts without capitals: names, passwords, orders and addresses by the words that state them.

No capital marks a name there, and some of the scripts have no spaces. After words that other words follow as often as
names ("I am"), a name must be listed.
"""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import Template

from chatbot.prefilter import required
from chatbot.privacy.draft import Draft, Pattern
from chatbot.word_lists import read_lists

_STOPS = ".,;:!?)]}\"'>"
_HINDI, _THAI, _HAN, _KANA, _HANGUL = r"[\u0900-\u097f]", r"[\u0e00-\u0e7f]", r"[\u4e00-\u9fff]", r"[\u3005\u3040-\u30ff\u4e00-\u9fff]", r"[\uac00-\ud7af]"  # fmt: skip
_WORD = r"[^\W\d_]{2,14}"
_TWO = rf"{_WORD}(?:[ ]{_WORD})?"
_END = r"(?=[ ]?(?:[.,!?;\n]|\Z))"
_TOLD = r"[^\x21-\x7e\n]{0,16}[:=#]?[ ]?"
_PASSWORD = rf"{_TOLD}(?P<value>[!-~]{{4,40}})"
_PIN = rf"{_TOLD}(?P<value>\d(?:[ -]?\d){{3,7}})(?!\w)"
_NUMBER = rf"{_TOLD}(?P<value>(?=[A-Z-]{{0,8}}\d)[A-Za-z\d][A-Za-z\d-]{{3,24}})"
_PLACE = r"(?P<value>(?=[^\n]{0,40}\d)[^\n.!?]{4,60})"
_DATE = r"(?:\d{2,4}[ ]?[年년./-][ ]?\d{1,2}[ ]?[月월./-][ ]?\d{1,2}(?:[ ]?[日일])?|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})"
_LINE = r"[ ,.]*\n\s*(?P<value>[^\W\d_][^\n\d]{1,30}?)[ .]*\Z"
"""A line that ends the message."""

_CHINESE_SURNAME = "[王李张張刘劉陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧蕭程曹袁邓鄧许許傅沈曾彭吕呂苏蘇卢盧蒋蔣蔡贾賈丁魏薛叶葉阎余潘杜戴夏锺汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文]"
_KOREAN_NAME = rf"(?!구매자|주문자|신청자|이용자|구독자|전화번|이메일|주소지|문제점|한국인|유학생|고객님|안녕하)[김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노곽성차주우구민]{_HANGUL}(?![인자원생님]){_HANGUL}"

_LISTS = read_lists(Path(__file__).with_name("scripts.txt"))
_FRAGMENTS = {
    **{name: "|".join(_LISTS[name].split()) for name in ("arabic_names", "hebrew_names", "japanese_surnames")},
    "chinese_surname": _CHINESE_SURNAME, "korean_name": _KOREAN_NAME, "word": _WORD, "two": _TWO, "end": _END,
    "line": _LINE, "date": _DATE, "password": _PASSWORD, "pin": _PIN, "number": _NUMBER, "place": _PLACE, "han": _HAN, "kana": _KANA,
    "hangul": _HANGUL, "hindi": _HINDI, "thai": _THAI,
}  # fmt: skip
_LETTERS = {
    "han": _HAN,
    "kana": r"[\u3040-\u30ff]",
    "hangul": _HANGUL,
    "hindi": _HINDI,
    "thai": _THAI,
    "arabic": r"[\u0620-\u06d3]",
    "hebrew": r"[\u05d0-\u05ea]",
}
_WITH_DIGITS = frozenset(("<ADDRESS>", "<DOB>", "<ORDER>"))
_SCRIPTS = tuple((Pattern(letters, 0), script) for script, letters in _LETTERS.items())


@cache
def _patterns(script: str) -> tuple[tuple[Pattern, frozenset[str], str], ...]:
    """Return the patterns of a script with the words of which each match contains one, and the mark."""
    found = []
    for line in _LISTS[script].splitlines():
        mark, pattern = line.split(" :: ")
        pattern = Template(pattern).safe_substitute(_FRAGMENTS)
        found.append((Pattern(pattern, 0), required(pattern), f"<{mark.upper()}>"))
    return tuple(found)


def redact_scripts(draft: Draft) -> None:
    """Mark what is stated in scripts without capitals: Arabic, Chinese, Hebrew, Hindi, Japanese, Korean, Thai."""
    if draft.text.isascii():
        return
    letters = frozenset(draft.lower)
    for detected, script in _SCRIPTS:
        if detected.search(draft.text):
            for pattern, words, mark in _patterns(script):
                if mark in _WITH_DIGITS and not draft.has_digits:
                    continue
                if words and not any(letters.issuperset(word) and word in draft.lower for word in words):
                    continue
                draft.mark(
                    (found.start("value"), found.start("value") + len(found["value"].rstrip(_STOPS)), mark)
                    for found in pattern.finditer(draft.text)
                )
