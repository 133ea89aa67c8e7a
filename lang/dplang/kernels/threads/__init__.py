"""Loops whose turns are shared among threads: which (`split`), as text (`write`), and the threads (`pool`)."""
