"""The comparative study: what is measured, how it is kept, and what follows from it."""
