# The worker, with the starter beside it: static binaries, no shell, not root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/worker ./worker \
 && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/starter ./starter \
 && mkdir -p /out/outbox /out/archive

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/worker /out/starter /usr/local/bin/
# A new volume takes its owner from here.
COPY --from=build --chown=65532:65532 /out/outbox /var/lib/clusterresync/outbox
COPY --from=build --chown=65532:65532 /out/archive /var/lib/clusterresync/archive
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/worker"]
