"""What optional sections compute."""
