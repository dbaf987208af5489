"""One file per dump format."""
