"""The census: the rows of every partition, and the statistics of the whole market."""
