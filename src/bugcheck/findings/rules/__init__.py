"""One file per cross-cutting rule."""
