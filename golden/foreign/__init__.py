"""Networks of other frameworks, read from NIR files and turned into exact integers."""
