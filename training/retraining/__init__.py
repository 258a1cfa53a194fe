"""Retrain: merge decisions into the corpus, train, gate, publish."""
