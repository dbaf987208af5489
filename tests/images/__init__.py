"""Tests of bugcheck.images."""
