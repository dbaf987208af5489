"""Code, name or number → what is publicly known about it, as data files with small loaders."""
