"""Which device computes and which processes take part."""
