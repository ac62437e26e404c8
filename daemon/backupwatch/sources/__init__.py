"""Looking: the only code that talks to phones, the account and Apple, each look in a process of its own."""
