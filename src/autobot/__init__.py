"""AutoBot: a self-hosted automation platform whose every hop obeys one executable communication matrix."""
