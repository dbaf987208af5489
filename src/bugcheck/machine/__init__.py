"""Memory and types → what the computer was doing: one kernel concept per file."""
