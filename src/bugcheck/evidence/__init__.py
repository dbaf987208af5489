"""Files of an incident → Evidence, Events and Facts."""
