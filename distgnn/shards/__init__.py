"""Shards: the on-disk format, Arrow files opened by mmap."""
