"""Tests of the PDB readers, against llvm-pdbutil's and symbolic's view of the same files."""
