"""Keys of encrypted volumes: the cryptography of libcrypto, and memory that nobody else may look at."""
