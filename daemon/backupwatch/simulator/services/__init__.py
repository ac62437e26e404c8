"""The services behind lockdownd's StartService: one file each, with the service's ``NAME`` and ``serve``."""
