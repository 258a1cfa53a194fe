"""Keep the inference log: write-ahead spool, CSV file, upload queue, upload to the object store."""
