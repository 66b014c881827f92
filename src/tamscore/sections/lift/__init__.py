"""Proof: accounts that nobody works on, and what those that somebody works on buy more.

It has no section of the job file: a holdout is drawn for a finished run, and belongs to the output.
"""
