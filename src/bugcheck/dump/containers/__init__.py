"""One file per kind of packed file; see `bugcheck.dump.packed`."""
