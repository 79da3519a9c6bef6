"""escrow: your school's data, in storage you control, under keys you hold."""

__version__ = "0.1.0"
