"""OpenRLHF's room: the only place, with its CPU port, that imports OpenRLHF. `hooks.py` holds every touch of a name of it."""
