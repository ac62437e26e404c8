"""Whether to speak: pure functions of what the person was told, what is true now, the settings and the clock."""
