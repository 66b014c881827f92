"""The model of a run: one record a party type, and its files."""
