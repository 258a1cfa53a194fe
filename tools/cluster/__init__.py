"""Run the whole stack on a cluster for evaluation: install, screenshots, uninstall."""
