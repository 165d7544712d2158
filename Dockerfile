# One image for all processes; the command selects the process: see Procfile and docker-compose.yml.

FROM python:3.11.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock /tmp/
RUN python -m venv /app/.venv && /app/.venv/bin/pip install --require-hashes -r /tmp/requirements.lock

FROM python:3.11.13-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home fleet
WORKDIR /app
COPY --from=build /app/.venv .venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY celeryconfig.py flowerconfig.py ./
COPY core core
COPY operate operate
COPY listener listener
COPY tasks tasks
COPY fleet fleet
COPY sql sql
# `docker compose exec worker fleet status`
RUN cp fleet/command.sh .venv/bin/fleet
USER 10001
# Each process stops cleanly on SIGTERM. A shell in front of it would not pass the signal on.
STOPSIGNAL SIGTERM
# The listener and the workers touch this file while they work. For beat and Flower see docker-compose.yml.
ENV HEALTH_FILE=/tmp/fleet-works
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "operate.health"]
CMD ["python", "-m", "listener"]
