"""Figures of a training name every intent in characters that the font has."""

from __future__ import annotations

import io
import warnings

from training.model.pictures import confusion_matrix


def test_labels_that_the_font_cannot_draw_are_numbered_without_a_warning() -> None:
    labels = ["refund", "возврат", "退款"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = confusion_matrix(labels, labels, labels)
        figure.savefig(io.BytesIO())
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["refund", "возврат", "intent 3"]
