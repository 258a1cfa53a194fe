"""Find label errors: suspect rows, indistinguishable intents, contradicting near-duplicates, and the report on them."""
