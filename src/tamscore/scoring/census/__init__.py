"""Who is there: the rows of every partition, and what the whole market says of them."""
