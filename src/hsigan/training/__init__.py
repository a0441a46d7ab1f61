"""One file per objective, read top to bottom, and the run folder they share."""
