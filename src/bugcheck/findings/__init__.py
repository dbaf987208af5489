"""A crash → findings and gaps."""
