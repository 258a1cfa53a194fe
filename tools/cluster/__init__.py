"""The whole stack on a cluster, for looking around: up, pictures of it, what it uses, and away with it."""
