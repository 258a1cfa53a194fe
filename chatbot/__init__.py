"""Define the domain model: message, intent, prediction and reply. Does not depend on HTTP, MLflow or Kubernetes."""

from chatbot.telemetry import turn_off

turn_off()
