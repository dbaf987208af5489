"""One file per kind of evidence; see `bugcheck.evidence.evidence`."""
