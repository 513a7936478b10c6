"""HTTP as the transport of links: connections of our own, and aiohttp where TLS is spoken."""
