"""New papers: are they for this registry, where would they be filed, and which entries are nearest."""
