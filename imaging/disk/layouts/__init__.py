"""What a disk shall be: layouts, where they come from, and where on a disk their partitions go (``place.py``)."""
