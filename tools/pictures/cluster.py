"""Take screenshots of the running stack for docs/kubernetes.md (chat, staff pages, MLflow) in a real browser."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize

from tools.cluster.stack import RELEASE
from tools.cluster.target import ClusterTarget
from tools.generate.chart import ROOT
from tools.pictures import chat_page, staff_pages

FOLDER = ROOT / "docs" / "images"
CHAT, VERSIONS, REGISTRY = (FOLDER / f"cluster-{name}.png" for name in ("chat", "versions", "mlflow"))
_MODEL = "support-chatbot"
_WAIT_MS = 60_000


def take(target: ClusterTarget, namespace: str) -> list[Path]:
    """Take all screenshots. Returns: the files.

    Raises:
        ScreenshotError: Chromium is missing, or a page does not load.
        ClusterError: the stack is not running.
    """
    with target.forward(namespace, f"{RELEASE}-page", 8501) as url:
        chat_page.take(url, CHAT)
    secret = target.get("secret", f"{RELEASE}-staff", "-n", namespace)["data"]["token"]
    with target.forward(namespace, f"{RELEASE}-staff", 8502) as url:
        staff_pages.take(f"{url}/versions", VERSIONS, base64.b64decode(secret).decode())
    with target.forward(namespace, f"{RELEASE}-mlflow", 5000) as url:
        _registry(url)
    return [CHAT, VERSIONS, REGISTRY]


def _registry(url: str) -> None:
    """Take a screenshot of the registered model's page in MLflow: version 1, champion."""
    size = ViewportSize(width=1700, height=640)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        chat_page.browser(Path(profile), viewport=size, device_scale_factor=1.5) as window,
    ):
        page = window.new_page()
        page.goto(f"{url}/#/models/{_MODEL}", wait_until="domcontentloaded")
        page.get_by_text("champion").first.wait_for(timeout=_WAIT_MS)
        page.wait_for_timeout(1000)
        page.screenshot(path=REGISTRY, animations="disabled")
