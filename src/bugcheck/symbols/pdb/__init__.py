"""PDB file → names, types, lines and frame rules, through an index on disk."""
