"""What a table cannot tell of an event: one file per field of meaning; see `event_steps.step`."""
