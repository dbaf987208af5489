"""A crash and the facts around it → published (and a team's own) issues that fit it, nearly fit it, or don't."""
