"""Records, one style, and one file per figure or table. Drawing computes nothing: it reads records."""
