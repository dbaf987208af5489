"""Tests of the memory stage."""
