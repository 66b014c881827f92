"""How further tables meet the accounts of the market."""
