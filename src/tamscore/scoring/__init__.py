"""The row's path: from who is there to what is written, each step with its driver and its work on one partition."""
