"""Serve the model: the two BentoML services, the HTTP API and its metrics."""

import os

import chatbot  # opts out of telemetry, before BentoML is imported

# Read when numpy, tokenizers, onnxruntime and bentoml are imported, here and in the workers, which inherit it.
# One thread per process: every core has a runner, and a second thread would compete with another runner.
for _name, _value in {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}.items():
    os.environ.setdefault(_name, _value)

SUPERVISOR_PID = "SUPPORT_CHATBOT_SUPERVISOR_PID"
"""Environment variable with the supervisor's process id (`bento.keeper`), set in the server it starts, which stops
when the supervisor dies."""
SUPERVISOR_KEY = "SUPPORT_CHATBOT_SUPERVISOR_KEY"
"""Environment variable with the key, made for one start, by which the supervisor reads `/version` of its server."""
