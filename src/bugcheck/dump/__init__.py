"""A file → a Dump: what the writer kept and what it left out."""
