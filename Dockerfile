# The gateway, from locked wheels: every one has its hash in requirements.lock, and nothing is compiled.
#
#   make image BASE=python:3.13-slim-bookworm@sha256:…      (which digest: docker buildx imagetools inspect python:3.13-slim-bookworm)
#
# No digest stands here: one that was written down once would keep the base from being mended. `make image` takes none without.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS built
WORKDIR /build
RUN python3 -m venv /opt/gateway
COPY requirements.lock ./
RUN /opt/gateway/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-compile \
        --require-hashes --no-deps --only-binary=:all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY tools/sbom.py tools/sbom.py
COPY policies policies
COPY migrations migrations
COPY examples examples
COPY gateway gateway
# What builds it stays behind; what is inside is written down (CycloneDX).
RUN /opt/gateway/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-compile \
        --no-index --no-deps --no-build-isolation . \
    && /opt/gateway/bin/python tools/sbom.py --output /opt/gateway/sbom.cdx.json \
    && /opt/gateway/bin/python -m pip uninstall --yes --quiet hatchling pip \
    && /opt/gateway/bin/python -m compileall -q /opt/gateway/lib

FROM ${BASE}
# The embedded judge's engine is linked against it, and slim images lack it.
RUN apt-get update && apt-get install --yes --no-install-recommends libatomic1 && rm -rf /var/lib/apt/lists/*
COPY --from=built /opt/gateway /opt/gateway
RUN mkdir -m 0700 /data && chown 10001:10001 /data
ENV PATH=/opt/gateway/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    GATEWAY_DATA=/data \
    GATEWAY_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["gateway"]
CMD ["serve"]
