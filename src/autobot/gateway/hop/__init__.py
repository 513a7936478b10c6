"""Where a role answers the other roles of its installation."""
