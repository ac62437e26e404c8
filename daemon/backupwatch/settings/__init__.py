"""The TOML file: one model, every reader.

``values`` is what the rest of the program sees and imports nothing heavy; ``load`` turns files into values;
``edit`` is the only writer, and never touches the person's own file except where ``config edit`` is asked to.
"""
