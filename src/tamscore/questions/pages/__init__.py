"""What a run found, as blocks: each result once, for the terminal and for the report alike."""
