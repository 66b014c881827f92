"""How results are said: blocks that know no output, and what puts them on a terminal or into a page."""
