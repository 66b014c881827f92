"""The run, from the market as it is valued to what its optional sections add."""
