"""The native engine: blobs of WIMs to where they go, in threads of C."""
