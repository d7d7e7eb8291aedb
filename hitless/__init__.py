"""Hitless: did users notice the software upgrade, and can you prove it?"""

__version__ = "0.1.0"
