"""The model of every party type: fitted from nothing, or from where an earlier one stood; and how far to trust it."""
