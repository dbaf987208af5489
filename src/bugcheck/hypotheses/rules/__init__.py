"""One file per hypothesis; see `bugcheck.hypotheses.hypothesis`."""
