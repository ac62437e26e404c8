"""What a person is shown, as plain values: from a verdict and the store's history to rows, strips and series. Pure."""
