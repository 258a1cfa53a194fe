# The MLflow server: runs, registry, and a proxy for artifacts, so that clients hold no key of the store.
# Context: the project's root. Pin the base by digest: --build-arg PYTHON_IMAGE=docker.io/library/python@sha256:...
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim

FROM ${PYTHON_IMAGE} AS code
WORKDIR /app
COPY chatbot chatbot
COPY training/__init__.py training/mlflow_server.py training/
COPY training/tracking/__init__.py training/tracking/mlflow_app.py training/tracking/mlflow_schema.py training/tracking/
# Readable by the image's user, whatever permissions the files have on the building machine.
RUN chmod -R a+rX /app && python -m compileall -q /app

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="support-chatbot: MLflow"
RUN useradd --system --uid 10001 --user-group --home-dir /tmp --no-create-home app && \
    install -d -o 10001 -g 10001 /var/lib/support-chatbot
COPY requirements/install.sh requirements/uv.txt requirements/mlflow.txt /requirements/
RUN --mount=type=cache,target=/root/.cache /requirements/install.sh mlflow.txt
COPY --from=code /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    CHATBOT_MLFLOW_ADDRESS=0.0.0.0 \
    CHATBOT_MLFLOW_BACKEND=sqlite:////var/lib/support-chatbot/mlflow.db
ARG GIT_COMMIT=
LABEL org.opencontainers.image.revision=${GIT_COMMIT}
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ.get(\"CHATBOT_MLFLOW_PORT\") or 5000}/health', timeout=4)"]
CMD ["python", "-m", "training.mlflow_server"]
