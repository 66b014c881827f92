"""The last pass: every account's numbers, part by part."""
