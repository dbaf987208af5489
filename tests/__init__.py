"""bugcheck's tests; the folders mirror src/bugcheck."""
