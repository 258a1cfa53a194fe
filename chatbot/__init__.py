"""What a message, an intent and a reply are: the domain, without web, MLflow or Kubernetes."""
