"""The proof: recipes computed as sweeps into one store, and a page that is written from nothing but that store."""
