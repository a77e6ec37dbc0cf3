before=$(date +%s%N)
if {% include "ask" %} > /dev/null 2>&1; then
    echo "directory-ms $((($(date +%s%N) - before) / 1000000))"
fi
