"""Reading what others have collected: tables of awesome lists, BibTeX, lists of arXiv ids.

Importers give candidates, never entries; the one exception is the bootstrap that made our own registry from the public
list, once, by program, so that it can be checked and repeated.
"""
