"""One atheris target per reader; each has `one_input(data)`, which raises only on a mistake of bugcheck's."""
