"""State that monitoring, training and k8s share: drift verdict and retrain history."""
