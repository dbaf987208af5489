"""One file per group of tests that a known issue's conditions may name."""
