"""Read what other products, spreadsheets and datasets export: one module per format, chosen by `sniff`."""
