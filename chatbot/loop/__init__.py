"""Share the state of the loop between monitoring, training and k8s: drift verdict and retrain history."""
