"""What lies on disk: input tables, CSV exports on their way to Parquet, and the folder of a run."""
