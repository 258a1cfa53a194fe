"""Bundle to HTTP: the two BentoML services, the HTTP API, its metrics."""

import os

# Read when numpy, tokenizers, onnxruntime and bentoml are imported, here and in the workers, which inherit it.
# One thread a process: there is a runner on every core, a second thread would take the core of another one.
# BentoML and ONNX Runtime report to their makers unless they are told not to.
for _name, _value in {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "BENTOML_DO_NOT_TRACK": "True",
    "ORT_DISABLE_TELEMETRY": "1",
}.items():
    os.environ.setdefault(_name, _value)

KEEPER_PID = "SUPPORT_CHATBOT_KEEPER_PID"
"""In a server that `bento.keeper` started: the keeper's process id. Without its keeper a server stops."""
