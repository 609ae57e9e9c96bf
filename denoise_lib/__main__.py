"""``python -m denoise_lib`` is the command `denoise`."""

from denoise_lib.cli import main

main()
