"""Benchmarks: every figure stands beside the answer it was computed with."""
