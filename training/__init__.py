"""Train a bundle from a corpus: export, fit, calibrate, evaluate, track."""
