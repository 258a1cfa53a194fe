"""`make loop`: the closed loop on this machine, with the real parts, from a first version to a rollback."""
