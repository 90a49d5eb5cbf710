# Built in the toolchain's image, run in one that holds the binary and nothing else.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev gcc make bash perl linux-headers
WORKDIR /sawatch
COPY . .
RUN cargo build --release --locked --bin sawatch && strip target/release/sawatch

FROM scratch
COPY --from=build /sawatch/target/release/sawatch /sawatch
USER 65532:65532
ENTRYPOINT ["/sawatch"]
