"""Data sets as they lie on a disk, read into tasks. Light: numpy and pillow, no torch."""
