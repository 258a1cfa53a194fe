"""Floods of feedback and of hostile messages: accepted or refused with 429, other clients are served meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

import aiohttp

from tests.attack.report import require
from tests.attack.target import Target, patience

HOSTILE = (
    ("call 1 " * 600)[:4000],
    ("tel 4 9 1 7 0 " * 300)[:4000],
    ("(at) a@b. dot " * 300)[:4000],
    "\u200b1" * 2000,
)
MAX_SECONDS = 20.0


def feedback(target: Target) -> str:
    """Send the same feedback over and over."""
    _, answer = target.server.post("/chat", {"message": "where is my parcel"})
    bodies = [
        {
            "prediction_id": answer["prediction_id"],
            "helpful": bool(number % 2),
            "comment": f"comment {number}",
        }
        for number in range(target.scale.feedbacks)
    ]
    codes, served = asyncio.run(_flood(target, "/feedback", bodies, connections=16))
    require(set(codes) <= {202, 429}, f"feedback got {dict(codes)}")
    _require_served(served)
    return f"{codes.total()} feedbacks on one prediction got {dict(codes)}; {len(served)} normal requests answered"


def messages(target: Target) -> str:
    """Send messages that are expensive to redact, and ask as a normal client."""
    bodies = [{"message": HOSTILE[number % len(HOSTILE)]} for number in range(target.scale.feedbacks // 10)]
    codes, served = asyncio.run(_flood(target, "/chat", bodies, connections=4))
    require(set(codes) <= {200, 429}, f"hostile messages got {dict(codes)}")
    _require_served(served)
    return (
        f"{codes.total()} hostile messages of 4,000 characters got {dict(codes)}, normal ones were answered"
    )


def _require_served(served: list[tuple[int, float]]) -> None:
    bad = [status for status, _ in served if status not in (200, 429)]
    require(not bad, f"a normal client got {bad} during the flood")
    require(any(status == 200 for status, _ in served), "no normal request was answered during the flood")
    slowest = max(seconds for _, seconds in served)
    require(slowest < MAX_SECONDS * patience(), f"a normal client waited {slowest:.1f} s during the flood")


async def _flood(
    target: Target, path: str, bodies: list[dict[str, object]], connections: int
) -> tuple[Counter[int], list[tuple[int, float]]]:
    codes, served, waiting = Counter[int](), list[tuple[int, float]](), iter(bodies)
    timeout = aiohttp.ClientTimeout(total=60 * patience())
    async with aiohttp.ClientSession(target.server.url, timeout=timeout) as session:

        async def client() -> None:
            for body in waiting:
                async with session.post(
                    path, data=json.dumps(body), headers={"Content-Type": "application/json"}
                ) as reply:
                    await reply.read()
                    codes[reply.status] += 1

        async def normal(flood: asyncio.Future[list[None]]) -> None:
            while not flood.done() or len(served) < 3:
                began = time.monotonic()
                async with session.post(
                    "/chat", json={"message": f"cancel my order please {len(served)}"}
                ) as reply:
                    await reply.read()
                    served.append((reply.status, time.monotonic() - began))
                await asyncio.sleep(0.1)

        flood = asyncio.gather(*(client() for _ in range(connections)))
        await asyncio.gather(flood, normal(flood))
    return codes, served
