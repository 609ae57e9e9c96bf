"""The commands of `denoise` that need more than a screen, a module each; `cli` registers them."""
