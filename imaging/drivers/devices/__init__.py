"""The devices of a computer: their ids, and what tells them."""
