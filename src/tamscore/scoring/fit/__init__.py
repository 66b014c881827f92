"""The model of every party type: what it is fitted on, how, and how far to trust it."""
