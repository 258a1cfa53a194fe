"""Dialog: clean a message, match rules, choose a reply, route: answer, ask back or hand over."""
