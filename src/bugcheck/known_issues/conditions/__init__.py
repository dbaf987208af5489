"""One file per test that a known issue's conditions may name."""
