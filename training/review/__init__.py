"""Review by active learning: queue, clusters, decisions, accepted rows, handoffs."""
