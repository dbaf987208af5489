"""A stream of secondary dump data → named fields: one file per kind of stream."""
