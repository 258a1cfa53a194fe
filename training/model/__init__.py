"""Train a bundle: encode, fit, calibrate, learn thresholds, evaluate, save."""
