"""One module for each side study, or for two that share what they measure."""
