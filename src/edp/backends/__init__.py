"""Connections to what adapters stand on, with its errors translated to ours."""
