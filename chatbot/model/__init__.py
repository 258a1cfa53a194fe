"""The model: encoder, classifier, the bundle that holds them, and which bundle is to serve."""
