"""One file or ten thousand: which they are, where each goes, what is done, and the log of it."""
