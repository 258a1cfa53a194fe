"""Quality benchmarks: published corpora, classifiers, clusters."""
