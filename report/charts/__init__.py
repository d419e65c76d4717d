"""The figures of a page, each a function from a part of the JSON to SVG."""
