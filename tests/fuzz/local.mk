# tests/fuzz: fuzz targets; their corpora are replayed by make check.
