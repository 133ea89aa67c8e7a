"""Documentation: what `##` comments and the manual of built-in names say, and whether it is true."""
