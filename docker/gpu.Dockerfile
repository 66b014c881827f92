# The image for NVIDIA GPUs. From the top of the project:
#   docker build -f docker/gpu.Dockerfile -t tamscore:gpu .
# BASE_IMAGE: any Debian-like image; what CUDA it needs beside the driver comes with the packages. REQUIREMENTS: another
# lock: gpu-cu12 and gpu-cu13 are lean, rapids-cu12 and rapids-cu13 bring RAPIDS, several gigabytes more.
ARG BASE_IMAGE=nvidia/cuda:12.9.1-base-ubuntu24.04

FROM ${BASE_IMAGE} AS python
# Whatever version the base's own distribution has: its indexes drop all others, so that a pin would break the build.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

FROM python AS build
ARG REQUIREMENTS=locks/gpu-cu12.txt
WORKDIR /src
# Packages first: this layer is built anew only when a lock changes. pip stays outside what is shipped.
COPY locks/build.txt ${REQUIREMENTS} locks/
RUN python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes -r locks/build.txt \
 && python3 -m venv --without-pip /opt/tamscore \
 && /build/bin/pip --python /opt/tamscore/bin/python install --no-cache-dir --compile --only-binary :all: \
      --require-hashes -r "${REQUIREMENTS}" \
 && find /opt/tamscore -type d -name tests -prune -regex '.*/\(dask\|pyarrow\|scipy\|sklearn\)/.*' -exec rm -rf {} +
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY docs docs
COPY docker docker
COPY jobs jobs
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
 && /build/bin/pip --python /opt/tamscore/bin/python install --no-cache-dir --compile --no-deps --no-index /dist/*.whl

FROM python
# What the image was built on, with the digest if the base was named by one.
ARG BASE_IMAGE
LABEL org.opencontainers.image.title="tamscore" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.description="Rescores a whole total addressable market, on NVIDIA GPUs" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/tamscore /opt/tamscore
# The file system may be mounted read-only: kernels that are compiled at run time go where temporary files go.
ENV PATH=/opt/tamscore/bin:$PATH \
    HOME=/data \
    CUPY_CACHE_DIR=/tmp/cupy \
    NUMBA_CACHE_DIR=/tmp/numba \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /data
RUN chown 10001:10001 /data
USER 10001:10001
ENTRYPOINT ["tamscore"]
CMD ["--help"]
