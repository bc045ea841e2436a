"""What media are made of: the files that a computer starts from, each with where it comes from.

``medium.py`` has what the families for discs, sticks and networks share: files with their contents, and what starts.
"""
