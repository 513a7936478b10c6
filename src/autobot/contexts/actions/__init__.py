"""Actions: registered kinds of work, each with a schema and a permission, done once and durably."""
