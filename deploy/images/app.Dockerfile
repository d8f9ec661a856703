# Web, worker, beat and the set-up before them: one image without torch, four commands (docker-compose.yml).
FROM python:3.11.15-slim-bookworm AS base

FROM base AS packages
WORKDIR /build
COPY constraints.txt deploy/images/app.txt ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --only-binary :all: -r app.txt -c constraints.txt

FROM base AS code-shield
WORKDIR /opt/code-shield
COPY deploy/local/code-shield.txt /build/
RUN pip install --no-cache-dir --no-deps --no-compile --require-hashes --target . -r /build/code-shield.txt

FROM base
# A volume takes the owner of the folder it is first mounted on.
RUN useradd --uid 10001 --no-log-init --no-create-home --shell /usr/sbin/nologin cria \
    && install --directory --owner cria --group cria /var/lib/cria /var/lib/cria/static /var/lib/cria/media
COPY --from=packages /opt/venv /opt/venv
COPY --from=code-shield /opt/code-shield /var/lib/cria/code-shield
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=webapp.settings \
    CRIA_VAR=/var/lib/cria
WORKDIR /srv/cria
COPY manage.py ./
COPY assistant assistant
COPY retrieval retrieval
COPY webapp webapp
COPY workers workers
# Its client, its errors and what those share; the engine is in the folders below.
COPY inference/*.py inference/
COPY inference/encoders/__init__.py inference/encoders/language.py inference/encoders/
COPY deploy/__init__.py deploy/uvicorn-logging.json deploy/
COPY deploy/local/__init__.py deploy/local/prepare.py deploy/local/probes.py deploy/local/translations.py deploy/local/
COPY deploy/images/__init__.py deploy/images/probe.py deploy/images/
# The file system is read-only later: bytecode that is not here by then would be made anew at every start.
RUN python -m deploy.local.translations && python -m compileall -q .
USER 10001:10001
EXPOSE 8000
CMD ["uvicorn", "webapp.asgi:application", "--host", "0.0.0.0", "--port", "8000"]
