"""Registry files and exports → keys → what a host is."""
