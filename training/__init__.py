"""From a corpus to a bundle: export, fit, calibrate, evaluate, track."""
