"""A context → Frames: walking stacks, one file per way of unwinding, with trust on every frame."""
