# One image for ingress, console, workers and migrations: `docker build -t muster:0.1.0 .`
#
# What is installed is fixed hash by hash in requirements.runtime.lock. The base is fixed by its tag, and by its
# digest where you give one: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.13.15-slim-trixie

FROM ${PYTHON_IMAGE} AS build
# The date makes the same wheel of the same sources on every day.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore SOURCE_DATE_EPOCH=1767225600
WORKDIR /build
# Two environments: /opt/muster goes into the image and has no pip, `tools` makes it and stays behind.
RUN python3 -m venv --without-pip /opt/muster && python3 -m venv tools
COPY requirements.lock requirements.runtime.lock ./
# setuptools makes our own wheel; its hash is in the lock of everything.
RUN awk '/^[^ ]/ { on = /^setuptools==/ } on' requirements.lock >tools.lock \
    && tools/bin/pip install --quiet --require-hashes --only-binary :all: --no-deps -r tools.lock
# Wheels only: no compiler is needed, and nothing downloaded runs before its hash was compared.
RUN tools/bin/pip --python /opt/muster/bin/python install --quiet --require-hashes --only-binary :all: --no-deps \
    --no-compile -r requirements.runtime.lock
COPY pyproject.toml ./
COPY models models
COPY ops ops
COPY ingress ingress
COPY workers workers
RUN tools/bin/pip wheel --quiet --no-deps --no-build-isolation --no-index --wheel-dir wheel . \
    && tools/bin/pip --python /opt/muster/bin/python install --quiet --no-deps --no-index --no-compile wheel/*.whl \
    && tools/bin/pip --python /opt/muster/bin/python check
# Compiled here, because the root file system is read-only later; by the sources' hash, so that their dates do not count.
RUN /opt/muster/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/muster/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Muster" \
    org.opencontainers.image.description="SCIM 2.0 user provisioning into Master Lists" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.documentation="docs/containers.md"
RUN groupadd --gid 10001 muster \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin muster
COPY --from=build /opt/muster /opt/muster
# The internal port (/metrics, /live, /ready) is as closed as the network that the container is in: publish 8080 alone.
ENV PATH=/opt/muster/bin:$PATH PYTHONDONTWRITEBYTECODE=1 MUSTER_HOST=0.0.0.0 MUSTER_INTERNAL_HOST=0.0.0.0
WORKDIR /
USER 10001:10001
EXPOSE 8080 9090 9091
STOPSIGNAL SIGTERM
ENTRYPOINT ["muster"]
CMD ["--help"]
