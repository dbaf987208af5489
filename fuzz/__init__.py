"""Whole dumps → damaged ones → proof that nothing here crashes, hangs or eats the memory."""
