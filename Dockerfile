# Rille in a small image:  docker build -t rille . && docker run --rm -it -v "$PWD:/work" rille prog.lua
FROM debian:bookworm-slim AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        autoconf automake gcc libc6-dev make pkg-config python3 \
        libgc-dev libffi-dev libreadline-dev libjansson-dev libmicrohttpd-dev libcapstone-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The build is outside of the tree, so that what lies in a developer's folders does not matter.
RUN autoreconf -i && mkdir /build && cd /build && /src/configure --prefix=/usr/local && make -j"$(nproc)" \
    && make install-strip DESTDIR=/image

FROM debian:bookworm-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        libgc1 libffi8 libreadline8 libjansson4 libmicrohttpd12 libcapstone4 \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home --uid 1000 rille
COPY --from=build /image/usr/local /usr/local
RUN ldconfig
USER rille
WORKDIR /work
ENTRYPOINT ["rille"]
