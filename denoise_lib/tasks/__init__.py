"""What denoised images are for: finding structures, reading them, seeing a nodule."""
