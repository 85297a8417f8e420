"""The version, alone in a module so that every room can name it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
