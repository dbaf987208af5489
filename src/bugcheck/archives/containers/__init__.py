"""One file per kind of packed file; see `bugcheck.archives.packed`."""
