"""The pages made from the code say what the code says."""

from tools.docs import stale


def test_every_setting_and_every_metric_is_in_the_docs() -> None:
    assert stale() == []
