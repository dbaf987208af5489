"""How fast bugcheck is, beside the others, on the same files in the same run."""
