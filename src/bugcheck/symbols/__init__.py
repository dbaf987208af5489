"""Identities of images and PDBs → names, types, lines: where symbols come from and what they say."""
