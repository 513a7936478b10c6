"""One package per vendor, strangers to one another; only bootstrap and the test kit name them."""
