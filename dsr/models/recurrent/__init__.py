"""Recurrent cells trained by backpropagation through time."""
