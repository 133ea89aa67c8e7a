"""The typed core: types, sizes, nodes, and tools to write and read them."""
