"""A first job for a table: which column plays which part, how features are scaled, written as a job file.

The guesses rest on the names of columns in the languages of CRM exports, on their types and on their values. Each has a
reason, and what is in doubt is listed for a person to look at.
"""
