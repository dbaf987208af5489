#!/bin/sh
# Builds the fixture pairs with Debian's clang-14 and lld-14.  Usage: cd tests/symbols/data/pdb && sh build.sh
# public_x64: code without debug information beside an object with types only, so its PDB has publics and types and
# neither procedures nor lines, as the PDBs on Microsoft's public server (lld 14 has no /pdbstripped).
set -eu
common="-O1 -ffreestanding -fno-stack-protector -fno-ident -mno-stack-arg-probe"
build() { # name, target, machine, extra flags of clang
    clang-14 --target="$2" $common $4 -g -gcodeview -fdebug-compilation-dir=C:/fixture -c fixture.c -o "$1.o"
    clang-14 --target="$2" $common $4 -g -gcodeview -fdebug-compilation-dir=C:/fixture -fno-rtti -c shapes.cpp -o "$1p.o"
    link "$1" "$3" "$1.o" "$1p.o"
}
link() { # name, machine, objects
    name=$1; machine=$2; shift 2
    lld-link-14 /dll /nodefaultlib /entry:EntryPoint /machine:"$machine" /debug /opt:noref,noicf /brepro \
        /pdbaltpath:"$name.pdb" /pdbsourcepath:C:/fixture /out:"$name.dll" /pdb:"$name.pdb" "$@"
}
build x64 x86_64-pc-windows-msvc x64 "-ffunction-sections"
build x86 i686-pc-windows-msvc x86 "-fomit-frame-pointer -ffunction-sections"
build arm64 aarch64-pc-windows-msvc arm64 ""
clang-14 --target=x86_64-pc-windows-msvc $common -ffunction-sections -c fixture.c -o p.o
clang-14 --target=x86_64-pc-windows-msvc $common -ffunction-sections -fno-rtti -c shapes.cpp -o pp.o
sed -n '/^typedef unsigned long ULONG;/,/^} THING;/p' fixture.c > types.c
echo 'THING TypesOnly;' >> types.c
clang-14 --target=x86_64-pc-windows-msvc $common -g -gcodeview -fdebug-compilation-dir=C:/fixture -c types.c -o t.o
link public_x64 x64 p.o pp.o t.o
rm ./*.o ./*.lib types.c
chmod -x ./*.dll
