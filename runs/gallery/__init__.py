"""docs/gallery.md: every figure type, drawn from short runs by one command."""
