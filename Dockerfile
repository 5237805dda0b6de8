# A static binary and nothing else: certificate authorities for outgoing TLS, a place for data, a user without rights.
#
#   docker build --build-arg VERSION=$(git describe --tags --always) -t portico .
#   docker run -p 8080:8080 -v portico:/data -e PORTICO_PUBLIC_URL=https://id.example.com … portico
#
# config.example.yaml tells what a public installation needs besides its URL.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY provider/oryx provider/oryx
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags "-s -w -X main.version=$VERSION" -o /out/portico ./cmd/portico
RUN install -d -m 0700 /out/writable/data && install -d -m 1777 /out/writable/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/writable /
COPY --from=build /out/portico /src/LICENSE /src/NOTICE /
USER 65532:65532
ENV PORTICO_LISTEN=:8080 PORTICO_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/portico"]
CMD ["serve"]
