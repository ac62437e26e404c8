"""What is known: frozen, typed values without behaviour."""
