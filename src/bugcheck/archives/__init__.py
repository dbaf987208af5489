"""A file, packed or not → its bytes, and those of the files in it."""
