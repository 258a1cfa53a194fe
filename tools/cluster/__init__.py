"""Run the whole stack on a cluster for evaluation: install, uninstall."""
