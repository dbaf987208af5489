"""A directory table base and a virtual address → a physical address: one file per processor."""
