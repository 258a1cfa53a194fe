"""Load and run the model: encoder, classifier, the bundle that holds them, and which bundle to serve."""
