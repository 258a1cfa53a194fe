"""`make loop`: run the closed loop on this machine, with real components, from a first version to a rollback."""
