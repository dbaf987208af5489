"""A folder of evidence → a case: read, weighed, planned, kept."""
