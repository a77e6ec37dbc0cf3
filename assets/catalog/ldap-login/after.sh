# What was known before may be of another directory.
sss_cache -E > /dev/null 2>&1 || true
