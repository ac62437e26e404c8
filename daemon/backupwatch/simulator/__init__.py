"""A stage: simulated iPhones, account and Apple services that speak the real protocols over loopback sockets."""
