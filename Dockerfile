# Two images: the last target, gateway, is small and holds the binary alone; with-tools
# adds Node and uv, for servers that are started by npx or uvx:
#
#     docker build -t 1mcp .
#     docker build -t 1mcp:with-tools --target with-tools .

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/1mcp ./cmd/1mcp
RUN deploy/image/rootfs.sh /out/1mcp /etc/ssl/certs/ca-certificates.crt /rootfs

FROM node:22-bookworm-slim AS with-tools
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git python3 python3-pip \
 && rm -rf /var/lib/apt/lists/* \
 && pip install --no-cache-dir --break-system-packages uv \
 && mkdir -p /app /var/lib/1mcp \
 && chown node:node /app /var/lib/1mcp
COPY --from=build /out/1mcp /usr/local/bin/1mcp
ENV ONE_MCP_HOST=0.0.0.0 \
    ONE_MCP_STATE_DIR=/var/lib/1mcp
WORKDIR /app
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/local/bin/1mcp", "health"]
ENTRYPOINT ["/usr/local/bin/1mcp"]
CMD ["serve"]

FROM scratch AS gateway
COPY --from=build /rootfs/ /
COPY --from=build --chown=65532:65532 /rootfs/app /app
COPY --from=build --chown=65532:65532 /rootfs/var/lib/1mcp /var/lib/1mcp
ENV HOME=/var/lib/1mcp \
    PATH=/usr/local/bin \
    ONE_MCP_HOST=0.0.0.0 \
    ONE_MCP_STATE_DIR=/var/lib/1mcp
WORKDIR /app
USER 65532:65532
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/local/bin/1mcp", "health"]
ENTRYPOINT ["/usr/local/bin/1mcp"]
CMD ["serve"]
