{% include "page" %}/ > /dev/null
