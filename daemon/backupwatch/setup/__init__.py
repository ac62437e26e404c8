"""What the owner asked for: the only code that changes trust, on the phone or with Apple."""
