"""Tables: raw files or objects in memory to a checked `RawGraph`."""
