"""The results of a run, as tables for people and a model for later runs."""
