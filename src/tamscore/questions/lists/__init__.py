"""Lists that people work from: one for each person that covers accounts, one for each campaign, and who got what."""
