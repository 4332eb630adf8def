# `localhai serve` in a container, over the Docker Engine whose socket is mounted:
#
#     docker build -t localhai .
#     docker run -d --name localhai -p 127.0.0.1:8000:8000 -e LOCALHAI_TOKEN=my-local-token \
#         -v /var/run/docker.sock:/var/run/docker.sock -v localhai:/var/lib/localhai localhai
#
# Whoever reaches the port and has the token can run anything on the machine of that engine: publish it with care.
# Where the build has no network, wheels/ holds all that is needed (scripts/image fills it) and PIP_NO_INDEX is 1.
ARG PYTHON=python:3.12-slim
FROM ${PYTHON} AS build
COPY . /src
ARG PIP_NO_INDEX=
RUN python3 -m venv /opt/localhai \
    && /opt/localhai/bin/pip install --no-cache-dir --disable-pip-version-check --find-links /src/wheels \
        "$(ls /src/wheels/localhai-*.whl 2>/dev/null || echo /src)"

FROM ${PYTHON}
RUN command -v git >/dev/null || { \
        apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*; }

COPY --from=build /opt/localhai /opt/localhai

# The home is a volume, so that queued executions survive the container. Files reach steps through the engine's archive
# calls: the engine does not see the folders of this container.
ENV PATH=/opt/localhai/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LOCALHAI_HOME=/var/lib/localhai
VOLUME /var/lib/localhai
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=10s --start-period=30s CMD \
    ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=9)"]
STOPSIGNAL SIGTERM

ENTRYPOINT ["localhai"]
CMD ["serve", "--host", "0.0.0.0", "--allow-host", "localhai"]
