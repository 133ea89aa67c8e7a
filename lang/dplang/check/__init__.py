"""Surface tree in, typed tree out."""
