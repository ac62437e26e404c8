"""What facts mean: pure functions of facts, limits and a clock that is handed in."""
