"""Answers about a run and about the machine it would run on."""
