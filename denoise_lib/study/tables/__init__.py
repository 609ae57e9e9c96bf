"""What the pages of the study show, computed from the committed rows: one module for each page.

The functions take rows and tables as `study.store` reads them, and return tables, texts of cells
or numbers for a sentence. They draw nothing; figures are in `plotting.study`.
"""
