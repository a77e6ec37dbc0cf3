if {% include "page" %}/ > /dev/null 2>&1; then echo "answers"; else echo "does not answer"; exit 1; fi
