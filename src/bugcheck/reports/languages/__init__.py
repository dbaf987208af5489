"""One file per language of a case's report, English apart."""
