"""verl's room: the only place, with its CPU port, that imports verl. `seam.py` holds every touch of a private name."""
