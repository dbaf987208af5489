"""Timeline, crashes and known issues → what could explain them, weighed."""
