"""A verdict → a neutral Document → text and JSON."""
