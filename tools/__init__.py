"""What `make` calls: start everything, measure everything. No part of any image."""
