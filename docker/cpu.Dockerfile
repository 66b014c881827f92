# The image for CPUs. From the top of the project:
#   docker build -f docker/cpu.Dockerfile -t tamscore:cpu .
# BASE_IMAGE: any Debian-like image with Python 3.11 or later and venv at `python3`.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
WORKDIR /src
# Packages first: this layer is built anew only when a lock changes. pip stays outside what is shipped.
COPY locks/build.txt locks/run.txt locks/
RUN python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes -r locks/build.txt \
 && python3 -m venv --without-pip /opt/tamscore \
 && /build/bin/pip --python /opt/tamscore/bin/python install --no-cache-dir --compile --only-binary :all: \
      --require-hashes -r locks/run.txt \
 && find /opt/tamscore -type d -name tests -prune -regex '.*/\(dask\|pyarrow\|scipy\|sklearn\)/.*' -exec rm -rf {} +
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY docs docs
COPY docker docker
COPY jobs jobs
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
 && /build/bin/pip --python /opt/tamscore/bin/python install --no-cache-dir --compile --no-deps --no-index /dist/*.whl

FROM ${BASE_IMAGE}
# What the image was built on, with the digest if the base was named by one.
ARG BASE_IMAGE
LABEL org.opencontainers.image.title="tamscore" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.description="Rescores a whole total addressable market, on a CPU" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/tamscore /opt/tamscore
ENV PATH=/opt/tamscore/bin:$PATH \
    HOME=/data \
    PYTHONUNBUFFERED=1
# Any user will do, named by number so that a cluster can see that it is not root.
WORKDIR /data
RUN chown 10001:10001 /data
USER 10001:10001
ENTRYPOINT ["tamscore"]
CMD ["--help"]
