"""Handoffs for tests."""

from __future__ import annotations

from datetime import UTC, datetime

from chatbot.ids import new_id
from chatbot.records.handoff import Handoff, Likely, Turn

KEY = b"k" * 32


def make(count: int, now: float | None = None) -> list[Handoff]:
    """So many handoffs, in order of time."""
    return [
        Handoff(
            prediction_id=new_id(KEY, now),
            session_id="s" * 16,
            message='do you rent out mowers? ünïcode, "quotes",\nand a line end',
            summary="The bot was not sure enough.",
            intent="out_of_scope",
            source="human",
            intents=(Likely(intent="place_order", title="Place an order", confidence=0.31),),
            conversation=(Turn(at=datetime.now(UTC), speaker="customer", text="hello"),),
            model_version="v1",
        )
        for _ in range(count)
    ]
