#!/bin/sh
# Builds the images that tests/stack executes: `sh build.sh` beside the sources, with Debian's clang and lld (14 was used).
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
cp x64_cases.s "$out"
python3 gen_arm64_cases.py > "$out/arm64_cases.s"
for arch in x86_64 aarch64; do
    name=$([ $arch = x86_64 ] && echo x64 || echo arm64)
    flags="--target=$arch-pc-windows-msvc -ffreestanding -fno-stack-protector -fasynchronous-unwind-tables"
    clang-14 $flags -O0 -DLEVEL=_o0 -c frames.c -o "$out/o0.obj"
    clang-14 $flags -O2 -DLEVEL=_o2 -c frames.c -o "$out/o2.obj"
    clang-14 --target=$arch-pc-windows-msvc -c "$out/${name}_cases.s" -o "$out/cases.obj"
    lld-link-14 /nologo /entry:start /subsystem:native /nodefaultlib /driver /debug:symtab /brepro \
        "/out:frames_$name.exe" "$out/cases.obj" "$out/o0.obj" "$out/o2.obj"
done
rm -r "$out"
