"""HTTP by aiohttp, as the transport of links."""
