"""Events of many files and hosts → one Timeline."""
