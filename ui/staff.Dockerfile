# The staff pages: review, handoffs, drift, versions. Never where customers are.
# Context: the project's root. Pin the base by digest: --build-arg PYTHON_IMAGE=docker.io/library/python@sha256:...
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim

FROM ${PYTHON_IMAGE} AS code
WORKDIR /app
COPY pyproject.toml ./
COPY chatbot chatbot
COPY data/__init__.py data/code_pages.py data/code_pages.yaml data/decisions.py data/declarations.py data/errors.py data/messages.py data/similarity.py data/text.py data/yaml_nodes.py data/
COPY training/__init__.py training/
COPY training/labels/__init__.py training/labels/findings.py training/labels/
COPY training/review training/review
COPY training/tracking training/tracking
COPY ui/__init__.py ui/staff.py ui/
COPY ui/assets/style.css ui/assets/staff.svg ui/assets/
COPY ui/.streamlit ui/.streamlit
COPY ui/shared ui/shared
COPY ui/staff_pages ui/staff_pages
# Readable by the image's user, whatever permissions the files have on the building machine.
RUN chmod -R a+rX /app && python -m compileall -q /app

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="support-chatbot: staff pages"
RUN useradd --system --uid 10001 --user-group --home-dir /tmp --no-create-home app && \
    install -d -o 10001 -g 10001 /var/lib/support-chatbot
COPY requirements/install.sh requirements/uv.txt requirements/staff.txt /requirements/
RUN --mount=type=cache,target=/root/.cache /requirements/install.sh staff.txt
COPY --from=code /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STREAMLIT_BROWSER_GATHER_USAGE_STATS=false \
    CHATBOT_BUNDLE_CACHE=/tmp/bundles \
    CHATBOT_STAFF_ADDRESS=0.0.0.0
ARG GIT_COMMIT=
LABEL org.opencontainers.image.revision=${GIT_COMMIT}
ENV CHATBOT_GIT_COMMIT=${GIT_COMMIT}
USER 10001:10001
EXPOSE 8502
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ.get(\"CHATBOT_STAFF_PORT\") or 8502}/_stcore/health', timeout=4)"]
CMD ["python", "-m", "ui.staff"]
