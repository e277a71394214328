#!/bin/sh
# Assembles the file tree of the small image: rootfs.sh BINARY CERTIFICATES TARGET.
# Nothing else is in the image: no shell, no package manager, no libc.
set -eu

binary=$1 certificates=$2 target=$3

mkdir -p "$target/app" "$target/etc/ssl/certs" "$target/tmp" "$target/usr/local/bin" "$target/var/lib/1mcp"
install -m 0755 "$binary" "$target/usr/local/bin/1mcp"
install -m 0644 "$certificates" "$target/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0:root:/:/none\n1mcp:x:65532:65532:1mcp:/var/lib/1mcp:/none\n' >"$target/etc/passwd"
printf 'root:x:0:\n1mcp:x:65532:\n' >"$target/etc/group"
chmod 1777 "$target/tmp"
chmod 0755 "$target/app" "$target/var/lib/1mcp"
