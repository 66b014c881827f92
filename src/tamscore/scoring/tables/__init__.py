"""What a run found, as tables for people and a model for later runs."""
