"""Measure quality: published corpora, classifiers, clusters."""
