"""Hypotheses → treatments in order of least harm, and how long to watch."""
